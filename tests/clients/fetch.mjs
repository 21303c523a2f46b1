// Node's own fetch, as on remove.bg's page.
import fs from "node:fs";

const [image, output] = process.argv.slice(2);
const form = new FormData();
form.append("size", "auto");
form.append("image_file", new Blob([fs.readFileSync(image)]));
const response = await fetch("https://api.remove.bg/v1.0/removebg", {
  method: "POST",
  headers: { "X-Api-Key": "any" },
  body: form,
});
if (!response.ok) throw new Error(`${response.status}: ${response.statusText}`);
fs.writeFileSync(output, Buffer.from(await response.arrayBuffer()));
console.log(JSON.stringify({ status: response.status, type: response.headers.get("content-type") }));
