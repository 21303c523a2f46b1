// The official command line's request: its own code where a checkout lies beside this file, with
// its native canvas module left out; else the same fields through the same library (a stand-in).
const fs = require("fs");
const path = require("path");
const Module = require("module");

const [image, folder, sizeText] = process.argv.slice(2);
const checkout = path.join(__dirname, "checkouts", "remove-bg-cli", "lib", "functions.js");
const params = {
  "api-key": "any", "output-directory": folder, format: "zip", transferFormat: "zip",
  size: sizeText || "auto", type: "", "reprocess-existing": true,
};

function official() {
  const load = Module._load;
  const absent = ["canvas", "canvas-exif-orientation", "ag-psd", "png-dpi-reader-writer"];
  Module._load = function (name, ...rest) {
    if (absent.some((other) => name === other || name.startsWith(`${other}/`))) return {};
    return name === "../remove-bg-tools" ? {} : load.call(this, name, ...rest);
  };
  Module.globalPaths.push(path.join(__dirname, "node_modules"));
  const messages = [];
  const bar = { update: (_, said) => said && messages.push(said.message), stop: () => {} };
  require(checkout).removebg(image, params, bar, () => tell({ client: "official", messages }));
}

function standIn() {
  const empty = ["type", "type_level", "roi", "crop", "crop_margin", "scale", "position",
    "channels", "add_shadow", "semitransparency", "bg_color"];
  const send = () => {
    let request = require("superagent").post("https://api.remove.bg/v1.0/removebg")
      .set({ "X-Api-Key": params["api-key"], "User-Agent": "remove-bg-cli-2.0.3" })
      .attach("image_file", fs.createReadStream(image), path.basename(image))
      .field("size", params.size).field("format", params.transferFormat);
    for (const name of empty) request = request.field(name, "");
    return request.then((answer) => {
      fs.writeFileSync(path.join(folder, `${path.parse(image).name}.zip`), answer.body);
      tell({ client: "stand-in", messages: [] });
    }).catch((error) => {
      if (error.status === 429) {
        return setTimeout(send, parseInt(error.response.headers["retry-after"], 10) * 1000);
      }
      const { code, title, detail } = error.response.body.errors[0];
      tell({ client: "stand-in", messages: [`Processing Error '${code}': "${title} - ${detail}"`] });
    });
  };
  send();
}

async function tell(found) {
  const file = path.join(folder, `${path.parse(image).name}.zip`);
  if (fs.existsSync(file)) {
    const zip = await require("jszip").loadAsync(fs.readFileSync(file));
    found.entries = Object.keys(zip.files);
    for (const name of found.entries) {
      fs.writeFileSync(path.join(folder, name), await zip.file(name).async("nodebuffer"));
    }
  }
  console.log(JSON.stringify(found));
}

if (fs.existsSync(checkout)) official();
else standIn();
