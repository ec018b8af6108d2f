import { execFileSync } from "node:child_process";
import { join } from "node:path";

const engine = join(__dirname, "..", "..", "..", "tools", "engine");

/** What a Node.js process says that runs the code after what is loaded before a provider. */
function says(code: string): unknown {
    const args = ["--require", join(engine, "compiler-when-used.cjs"), "-e", `console.log(JSON.stringify(${code}))`];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", cwd: engine }));
}

test("a provider process loads Pulumi's runtime without the TypeScript compiler, and has it where something asks for it", () => {
    const isLoaded = `Object.keys(require.cache).some((file) => file.endsWith("typescript.js"))`;
    expect(says(`[typeof require("@pulumi/pulumi/runtime").serializeProperties, ${isLoaded}]`)).toEqual([
        "function",
        false,
    ]);
    expect(says(`[typeof require("@pulumi/pulumi/typescript-shim").createSourceFile, ${isLoaded}]`)).toEqual([
        "function",
        true,
    ]);
});
