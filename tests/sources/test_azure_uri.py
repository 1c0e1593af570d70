import pytest

from throughline.errors import UserError
from throughline.sources.azure_uri import AzureUri, is_azure


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("abfss://raw", "abfss://raw is no place in Azure storage; write abfss://container@acc"),
        ("abfss://raw@account/x", "is no place in Azure storage"),
        ("abfss://raw@account.blob.core.windows.net/x", "is no place in Azure storage"),
        ("wasbs://raw@account.dfs.core.windows.net/x", "is no place in Azure storage"),
        ("abfss://raw@a.dfs.core.windows.net/x", "is no place in Azure storage"),
        (
            "abfss://raw@account.dfs.core.windows.net/x?sv=1&sig=abc",
            "SAS token, which is a secret; leave it out",
        ),
    ],
)
def test_what_is_no_address_is_told(text, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        AzureUri.parse(text)
    assert "sig=" not in str(caught.value)


def test_an_address_is_taken_apart_and_put_together():
    text = "wasbs://$web@account.blob.core.chinacloudapi.cn/a/b.csv"
    uri = AzureUri.parse(text)
    assert (uri.container, uri.account, uri.path) == ("$web", "account", "a/b.csv")
    assert uri.blob_endpoint == "https://account.blob.core.chinacloudapi.cn"
    assert str(uri) == text
    assert not is_azure("abfss:/x") and not is_azure("s3://x") and not is_azure("abfss")
