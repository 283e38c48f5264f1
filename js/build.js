// Bundles each widget's entry and style sheet into the Python package. With `--check` it writes
// nothing and fails, naming the file, when a committed bundle is not what the sources build to.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const WIDGETS = ["attention_maps", "infill_strip", "patch_grid"];

const { outputFiles } = await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: WIDGETS.flatMap((stem) => [`${stem}.js`, `${stem}.css`]),
  outdir: fileURLToPath(new URL("../vitlens_widgets/widgets/static/", import.meta.url)),
  bundle: true,
  minify: true,
  format: "esm",
  charset: "utf8",
  target: ["chrome123", "firefox120", "safari17.5"], // the first that know light-dark()
  write: false,
});

for (const { path, text } of outputFiles) {
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
    console.log(`${path}  ${Buffer.byteLength(text)} bytes`);
  } else if (readFileSync(path, "utf8") !== text) {
    console.error(`${path} is not what the sources build to: run "npm run build" in js/.`);
    process.exitCode = 1;
  }
}
