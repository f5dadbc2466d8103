/**
 * What the app marks on its screens, from the sources: prints one JSON list of {where, state, file,
 * line}. A mark is an attribute `data-state`, in the part of the app that `data-where` beside it
 * names, or any other `data-…` that holds a state and is its own part; its values are those of the
 * expression's type. `state` is null where the type is any string: the service's codes.
 */
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = resolve(fileURLToPath(import.meta.url), "../..");
/** No states: the part of the app, and the cells of a table. */
const OTHER = new Set(["data-where", "data-cell"]);

const { config } = ts.readConfigFile(resolve(ROOT, "tsconfig.json"), ts.sys.readFile);
const parsed = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
const program = ts.createProgram(parsed.fileNames, parsed.options);
const checker = program.getTypeChecker();

/** The values that an expression can have; null among them: any string. */
function valuesOf(expression) {
  if (ts.isTemplateExpression(expression)) {
    return expression.templateSpans.reduce(
      (before, span) =>
        before.flatMap((left) =>
          valuesOf(span.expression).map((value) =>
            left === null || value === null ? null : left + value + span.literal.text,
          ),
        ),
      [expression.head.text],
    );
  }
  if (ts.isParenthesizedExpression(expression)) return valuesOf(expression.expression);
  if (ts.isConditionalExpression(expression)) {
    return [...valuesOf(expression.whenTrue), ...valuesOf(expression.whenFalse)];
  }
  const type = checker.getTypeAtLocation(expression);
  const all = type.isUnion() ? type.types : [type];
  return all
    .filter((one) => !(one.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)))
    .map((one) => {
      if (one.flags & ts.TypeFlags.BooleanLiteral) return checker.typeToString(one);
      return one.isStringLiteral() ? one.value : null;
    });
}

function attribute(element, name) {
  return element.properties.find((one) => ts.isJsxAttribute(one) && one.name.getText() === name);
}

function marksOf(source) {
  const found = [];
  const visit = (node) => {
    if (ts.isJsxAttribute(node)) {
      const name = node.name.getText();
      if (name.startsWith("data-") && !OTHER.has(name)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart());
        const place = { file: relative(ROOT, source.fileName), line: line + 1 };
        const beside = attribute(node.parent, "data-where")?.initializer;
        const where = name === "data-state" ? beside?.text : name.slice("data-".length);
        if (!where) throw new Error(`${place.file}:${place.line}: data-state without data-where`);
        const value = node.initializer;
        const values = ts.isStringLiteral(value) ? [value.text] : valuesOf(value.expression);
        for (const state of new Set(values)) found.push({ where, state, ...place });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const sources = program
  .getSourceFiles()
  .filter((one) => /[/\\]src[/\\].*(?<!\.test)\.tsx$/.test(one.fileName))
  .filter((one) => !one.fileName.includes("node_modules"));
console.log(JSON.stringify(sources.flatMap(marksOf)));
