"""What datasets are read with: `dataset_type_definitions`."""
