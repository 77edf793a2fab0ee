"""Import names of packages, and the names under which PyPI has them.

No other is ever named to an author: what a script imports as `util` or `models` is a module of its own
that is not found, and whoever owns that name on PyPI would be let in
(https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse).
"""

from __future__ import annotations

_SAME = """
accelerate aiohttp bentoml bokeh boto3 catboost cffi chardet click cloudpickle cryptography cython dask
datasets deepspeed dill einops evaluate fastai fastapi featuretools filelock flask fsspec gensim h5py holidays httpx
huggingface_hub hyperopt imageio joblib jsonschema keras kornia langchain lightgbm lime llvmlite loguru lxml
matplotlib mlflow mlxtend mltable msgpack nltk numba numpy onnx onnxmltools onnxruntime openai openpyxl
optuna orjson packaging pandas pandera peft pillow plotly pmdarima polars prophet psutil psycopg2 pyarrow pydantic
pydicom pymongo pyodbc pyspark pytorch_lightning rasterio redis regex requests rouge_score s3fs safetensors sacrebleu
scipy seaborn sentence_transformers sentencepiece seqeval shap shapely simplejson skl2onnx skops spacy sqlalchemy
statsmodels sympy tabulate tenacity tensorboard tensorflow tensorflow_hub tensorflow_text textblob tf_keras thop
tiktoken timm tokenizers toolz torch torchaudio torchtext torchvision tqdm transformers ujson ultralytics unidecode
vaderSentiment wandb werkzeug wordcloud wrapt xgboost xlrd zstandard
"""
"""Of the same name on PyPI, but for underscores."""

_OTHER = {
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "Levenshtein": "levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "azure.ai.ml": "azure-ai-ml",
    "azure.cosmos": "azure-cosmos",
    "azure.identity": "azure-identity",
    "azure.keyvault.secrets": "azure-keyvault-secrets",
    "azure.storage.blob": "azure-storage-blob",
    "azure.storage.filedatalake": "azure-storage-file-datalake",
    "azureml.ai.monitoring": "azureml-ai-monitoring",
    "azureml.automl.core": "azureml-automl-core",
    "azureml.automl.runtime": "azureml-automl-runtime",
    "azureml.contrib.fairness": "azureml-contrib-fairness",
    "azureml.core": "azureml-core",
    "azureml.data": "azureml-core",
    "azureml.datadrift": "azureml-datadrift",
    "azureml.dataprep": "azureml-dataprep",
    "azureml.evaluate.mlflow": "azureml-evaluate-mlflow",
    "azureml.exceptions": "azureml-core",
    "azureml.explain.model": "azureml-explain-model",
    "azureml.fsspec": "azureml-fsspec",
    "azureml.interpret": "azureml-interpret",
    "azureml.metrics": "azureml-metrics",
    "azureml.mlflow": "azureml-mlflow",
    "azureml.opendatasets": "azureml-opendatasets",
    "azureml.pipeline": "azureml-pipeline",
    "azureml.studio": "azureml-designer-core",
    "azureml.telemetry": "azureml-telemetry",
    "azureml.train": "azureml-train-core",
    "azureml.train.automl": "azureml-train-automl-client",
    "azureml.train.automl.runtime": "azureml-train-automl-runtime",
    "azureml.widgets": "azureml-widgets",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf",
    "imblearn": "imbalanced-learn",
    "inference_schema": "inference-schema",
    "jwt": "pyjwt",
    "lightning": "lightning",
    "magic": "python-magic",
    "mlserver": "mlserver",
    "multipart": "python-multipart",
    "pkg_resources": "setuptools",
    "pytesseract": "pytesseract",
    "pythoncom": "pywin32",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "snowflake.connector": "snowflake-connector-python",
    "tflite_runtime": "tflite-runtime",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}

DISTRIBUTIONS = {name: name.replace("_", "-") for name in _SAME.split()} | _OTHER


def distribution_of(module: str) -> str | None:
    """The name on PyPI of the package that brings a module, if it is known."""
    parts = module.split(".")
    for count in range(len(parts), 0, -1):
        known = DISTRIBUTIONS.get(".".join(parts[:count]))
        if known is not None:
            return known
    return None
