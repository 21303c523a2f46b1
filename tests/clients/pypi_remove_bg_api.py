"""PyPI remove-bg-api 0.2.1: reads the account first, and the credits as a whole number."""

import base64
import json
import sys
from pathlib import Path

import remove_bg_api

image, folder = Path(sys.argv[1]), Path(sys.argv[2])
if len(sys.argv) > 3:  # where the address may be set
    remove_bg_api.API_URL = sys.argv[3]
client = remove_bg_api.RemoveBg("any")
before = client.account.balance()
client.remove_bg_file(str(image), str(folder / "file.png"), size="auto", raw=False)
data = client.remove_bg_base64(base64.b64encode(image.read_bytes()), size="auto")
(folder / "base64.png").write_bytes(data)
try:
    client.remove_bg_bytes(b"no image")
    refused = None
except remove_bg_api.Errors.ApiErrorCode400 as error:
    refused = type(error).__name__
told = {
    "balance": before,
    "charged": before - client.account.balance(),
    "credits": client.account.get_balance_dict(),
    "refused": refused,
}
print(json.dumps(told))
