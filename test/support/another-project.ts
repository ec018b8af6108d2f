import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT, type StackProject } from "./stack";

const PULUMI_YAML = `name: lab
runtime: { name: nodejs, options: { typescript: false } }
plugins: { providers: [{ name: pulumi-nodejs, path: node_modules/@pulumi/pulumi }] }
`;
/** As `pulumi new typescript` writes it, and what the declarations of zod need. */
const COMPILER_OPTIONS = {
    strict: true,
    target: "es2020",
    module: "commonjs",
    moduleResolution: "node",
    skipLibCheck: true,
};

/** A Pulumi project in a folder of its own that depends on this package as it is built. */
export class AnotherProject implements StackProject {
    readonly name = "lab";
    readonly folder = mkdtempSync(join(tmpdir(), "another project "));

    /** @param program TypeScript */
    constructor(program: string) {
        const modules = join(this.folder, "node_modules");
        mkdirSync(join(modules, "@types"), { recursive: true });
        for (const name of ["@pulumi", "@types/node", "typescript"])
            symlinkSync(join(PROJECT, "node_modules", name), join(modules, name));
        symlinkSync(PROJECT, join(modules, "registry-passthrough"));
        copyFileSync(program, join(this.folder, "index.ts"));
        this.write("Pulumi.yaml", PULUMI_YAML);
        this.write("package.json", JSON.stringify({ name: this.name, main: "index.js" }));
        this.write("tsconfig.json", JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: ["index.ts"] }));
        compile(join(PROJECT, "tsconfig.types.json"));
        compile(join(this.folder, "tsconfig.json"));
    }

    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }

    private write(name: string, text: string): void {
        writeFileSync(join(this.folder, name), text);
    }
}

function compile(project: string): void {
    const compiler = join(PROJECT, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", project], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${project} does not compile:\n${stdout}`);
}
