"""A model whose signature comes from its type hints."""

import mlflow
import pydantic


class Item(pydantic.BaseModel):
    """One thing to price."""

    name: str
    count: int
    weight: float | None = None


class Hinted(mlflow.pyfunc.PythonModel):
    """Takes what its annotation says."""

    def predict(self, model_input: list[Item], params: dict | None = None) -> list[str]:  # type: ignore[type-arg]
        """A line for each item."""
        return [f"{one.count} {one.name} {one.weight}" for one in model_input]


mlflow.models.set_model(Hinted())
