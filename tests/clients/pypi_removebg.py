"""PyPI removebg 0.04: a file, base64 text, an address that is refused."""

import base64
import json
import sys
from pathlib import Path

from removebg import removebg
from requests import HTTPError

image, folder = Path(sys.argv[1]), Path(sys.argv[2])
if len(sys.argv) > 3:  # where the address may be set
    removebg.API_ENDPOINT = sys.argv[3]
client = removebg.RemoveBg("any", str(folder / "errors.log"))
client.remove_background_from_img_file(str(image), size="regular", bg_color="fff")
client.remove_background_from_base64_img(
    base64.b64encode(image.read_bytes()), size="auto", new_file_name=str(folder / "base64.png")
)
try:
    client.remove_background_from_img_url("https://example.com/a.jpg")
    refused = None
except HTTPError as error:
    refused = {"status": error.response.status_code, **error.response.json()["errors"][0]}
print(json.dumps({"file": f"{image}_no_bg.png", "refused": refused}))
