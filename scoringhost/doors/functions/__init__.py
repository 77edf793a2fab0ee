"""The door of Azure Functions."""
