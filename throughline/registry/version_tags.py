"""Tags of versions, which several chains may write at once."""

from collections.abc import Mapping


def tag_version(name: str, number: str, tags: Mapping[str, str]) -> None:
    """Writes tags of a version.

    Of two that write a tag for the first time at once a registry refuses one, who then changes it.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    for key, value in tags.items():
        try:
            client.set_model_version_tag(name, number, key, value)
        except MlflowException:
            if key not in client.get_model_version(name, number).tags:
                raise
            client.set_model_version_tag(name, number, key, value)
