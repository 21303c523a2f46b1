// npm remove.bg: a file and base64 in JSON answers, and an error.
const fs = require("fs");
const client = require("remove.bg");

const [image, folder] = process.argv.slice(2);
const options = { apiKey: "any", size: "auto", type: "person" };

(async () => {
  const file = await client.removeBackgroundFromImageFile({
    ...options, path: image, outputFile: `${folder}/file.png`,
  });
  const base64 = await client.removeBackgroundFromImageBase64({
    ...options, size: "preview", base64img: fs.readFileSync(image, "base64"),
    outputFile: `${folder}/base64.png`,
  });
  const errors = await client
    .removeBackgroundFromImageFile({ ...options, path: image, size: "huge" })
    .catch((refused) => refused);
  delete file.base64img;
  delete base64.base64img;
  console.log(JSON.stringify({ file, base64, errors }));
})();
