// Bundles each entry with its style sheet into the Python package: the widgets' modules, and the
// script of the page that widgets are saved in. With `--check` it writes
// nothing and fails, naming the file, when a committed bundle is not what the sources build to.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const WIDGETS = ["attention_maps", "infill_strip", "patch_grid"];

/**
 * @param {string[]} stems
 * @param {string} folder  in the Python package
 * @param {"esm" | "iife"} format
 */
async function bundled(stems, folder, format) {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
    entryPoints: stems.flatMap((stem) => [`${stem}.js`, `${stem}.css`]),
    outdir: fileURLToPath(new URL(`../vitlens_widgets/${folder}/`, import.meta.url)),
    bundle: true,
    minify: true,
    format,
    charset: "utf8",
    target: ["chrome123", "firefox120", "safari17.5"], // the first that know light-dark()
    write: false,
  });
  return outputFiles;
}

const outputFiles = [
  ...(await bundled(WIDGETS, "widgets/static", "esm")),
  ...(await bundled(["saved_page"], "export/static", "iife")),
];

for (const { path, text } of outputFiles) {
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
    console.log(`${path}  ${Buffer.byteLength(text)} bytes`);
  } else if (readFileSync(path, "utf8") !== text) {
    console.error(`${path} is not what the sources build to: run "npm run build" in js/.`);
    process.exitCode = 1;
  }
}
