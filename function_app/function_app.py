"""An entry script as an Azure Functions app; its settings are app settings named SCORINGHOST_*."""

from pathlib import Path

import scoringhost

app = scoringhost.create_function_app(Path(__file__).parent)
