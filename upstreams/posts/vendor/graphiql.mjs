// Writes ../web/graphiql: GraphiQL and React as they come from npm, and the licences of all they contain.
//
//     npm install --ignore-scripts graphiql@3.9.0 react@18.3.1 react-dom@18.3.1 graphql@16 graphql-ws@5
//     node graphiql.mjs node_modules
//
// Two things are left out: the fonts in GraphiQL's style sheet, which are six times the rest (the page has
// the system's fonts), and the pointers to source maps.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MODULES = process.argv[2];
const OUT = fileURLToPath(new URL("../web/graphiql/", import.meta.url));

// GraphiQL's own packages, which its source map names by their folders in its repository.
const OWN = {
  "graphiql-toolkit": "@graphiql/toolkit",
  "graphiql-react": "@graphiql/react",
  "graphql-language-service": "graphql-language-service",
  "codemirror-graphql": "codemirror-graphql",
  src: "graphiql",
};

copy("react/umd/react.production.min.js", "react.js", withoutSourceMap);
copy("react-dom/umd/react-dom.production.min.js", "react-dom.js", withoutSourceMap);
copy("graphiql/graphiql.min.js", "graphiql.js", withoutSourceMap);
copy("graphiql/graphiql.min.css", "graphiql.css", (css) => css.replace(/@font-face\s*\{[^}]*\}/g, ""));

const { sources } = JSON.parse(read("graphiql/graphiql.min.js.map"));
const packages = new Set(["react-dom", "scheduler", ...sources.map(packageOf)]);
const byLicence = new Map();
for (const name of [...packages].sort()) {
  const text = licence(name);
  byLicence.set(text, [...(byLicence.get(text) ?? []), name]);
}
const sections = [...byLicence].map(([text, names]) => `${names.join(", ")}\n\n${text}\n`);
writeFileSync(join(OUT, "LICENSES.txt"), sections.join(`\n${"-".repeat(78)}\n\n`));
console.log(`${packages.size} packages under ${byLicence.size} licence texts`);

function packageOf(source) {
  const [, inModules] = source.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/) ?? [];
  if (inModules) return inModules;
  const [, folder] = source.match(/^(?:\.\.\/)+([^/]+)/);
  return OWN[folder];
}

function licence(name) {
  const file = readdirSync(join(MODULES, name)).find((file) => /^licen[cs]e/i.test(file));
  if (file) return read(join(name, file)).trim().replaceAll("\r", "");
  const { license, author } = JSON.parse(read(join(name, "package.json")));
  return `${license}, by ${author?.name ?? author ?? "its authors"}`;
}

function withoutSourceMap(script) {
  return script.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
}

function copy(from, to, change) {
  writeFileSync(join(OUT, to), change(read(from)));
}

function read(path) {
  const file = join(MODULES, path);
  if (!existsSync(file)) throw new Error(`${file} is missing: see the first lines of this script`);
  return readFileSync(file, "utf8");
}
