// npm removd: chunked JSON, the account, an error.
const removd = require("removd");

const [image, folder] = process.argv.slice(2);
const options = { apikey: "any", source: image };

(async () => {
  const file = await removd.file({ ...options, destination: `${folder}/file.png` });
  const colour = await removd.file({
    ...options, destination: `${folder}/colour.png`, background: "red",
  });
  const account = await removd.account({ api_key: "any", apikey: "any" });
  console.log(JSON.stringify({ file, colour, account }));
})();
