"""A parameter type of the script's own."""

from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.schema_decorators import input_schema


class Colour(AbstractParameterType):
    """A colour such as #ff8000, as a tuple of three numbers."""

    def __init__(self, sample_input):
        super().__init__(sample_input)

    def deserialize_input(self, input_data):
        if not isinstance(input_data, str) or len(input_data) != 7:
            raise ValueError("a colour looks like #ff8000")
        return tuple(bytes.fromhex(input_data[1:]))

    def input_to_swagger(self):
        return {"type": "string", "example": self.sample_input}


def init():
    pass


@input_schema("colour", Colour("#ff8000"))
def run(colour):
    return {"kind": type(colour).__name__, "parts": colour}
