// Bundles each entry with its style sheet into the Python package: the widgets' modules, the script
// of the page that widgets are saved in, the extension of JupyterLab. A folder with an index.js is a
// widget; it needs no mention here. With `--check` nothing is written, and the run fails, naming the
// file, when a committed bundle is not what the sources build to.
import { build } from "esbuild";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** The widgets' names: `name/index.js` becomes `name.js`. */
const WIDGETS = readdirSync(HERE).filter((name) => existsSync(`${HERE}${name}/index.js`));

/** The class of a widget's root, such as `vl-patch-grid` for `patch_grid`. @param {string} name */
const rootClass = (name) => `vl-${name.replaceAll("_", "-")}`;

/** @param {string} name */
const widgetEntry = (name) => [".js", ".css"].map((end) => ({ in: `./${name}/index${end}`, out: name }));

/** @param {string} stem */
const withStyle = (stem) => [`${stem}.js`, `${stem}.css`];

/**
 * @param {(string | { in: string, out: string })[]} entryPoints
 * @param {string} folder  in the Python package
 * @param {"esm" | "iife"} format
 */
async function bundled(entryPoints, folder, format) {
  const { outputFiles } = await build({
    absWorkingDir: HERE,
    entryPoints,
    outdir: fileURLToPath(new URL(`../vitlens_widgets/${folder}/`, import.meta.url)),
    bundle: true,
    minify: true,
    format,
    charset: "utf8",
    target: ["chrome123", "firefox128", "safari17.5"], // the first that know light-dark() and @scope
    write: false,
  });
  return outputFiles;
}

/**
 * A widget's style sheet, for nothing but that widget: several share a page, and their parts' names.
 * @param {string} css
 * @param {string} root  class
 */
function scoped(css, root) {
  const frames = css.match(KEYFRAMES) ?? [];
  const rules = css.replace(KEYFRAMES, "").replace(new RegExp(`\\.(?:vitlens|${root})(?![\\w-])`, "g"), ":scope");
  return `${frames.join("")}@scope(.vitlens.${root}){${rules.trim()}}\n`;
}

const KEYFRAMES = /@keyframes [\w-]+\{(?:[^{}]*\{[^{}]*\})*\}/g;

/** The widget that a built style sheet belongs to, if it is one's. @param {string} path */
const styledWidget = (path) => WIDGETS.find((name) => path.endsWith(`/${name}.css`));

/**
 * A module that unpacks itself: what is in it is imported from a Blob, as anywidget imports modules.
 * @param {string} text  of a module with a default export
 */
const packed = (text) => `const z=${JSON.stringify(gzipSync(text, { level: 9 }).toString("base64"))};
const b=new Blob([Uint8Array.from(atob(z),(c)=>c.charCodeAt(0))]).stream().pipeThrough(new DecompressionStream("gzip"));
const u=URL.createObjectURL(new Blob([await new Response(b).text()],{type:"text/javascript"}));
const m=await import(u);URL.revokeObjectURL(u);export default m.default;
`;

/** What a module holds; how its bytes are packed may differ between versions of Node. @param {string} text */
function unpacked(text) {
  const zipped = /^const z="([^"]+)";/.exec(text)?.[1];
  return zipped ? text.replace(zipped, gunzipSync(Buffer.from(zipped, "base64")).toString()) : text;
}

/** Explorer holds what the other widgets have: packed, each copy in a saved notebook weighs less. */
const PACKED = "explorer.js";

const outputFiles = [
  ...(await bundled(WIDGETS.flatMap(widgetEntry), "widgets/static", "esm")),
  ...(await bundled(withStyle("saved_page"), "export/static", "iife")),
  ...(await bundled(["gallery.css"], "gallery/static", "esm")),
  ...(await bundled(["labextension.js"], "export/labextension/static", "iife")),
];

for (const { path, text: built } of outputFiles) {
  const widget = styledWidget(path);
  const text = widget ? scoped(built, rootClass(widget)) : path.endsWith(PACKED) ? packed(built) : built;
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
    console.log(`${path}  ${Buffer.byteLength(text)} bytes`);
  } else if (unpacked(readFileSync(path, "utf8")) !== unpacked(text)) {
    console.error(`${path} is not what the sources build to: run "npm run build" in js/.`);
    process.exitCode = 1;
  }
}
