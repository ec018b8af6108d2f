import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { captureOrThrow } from "./process.mjs";

/** @import { GoBuild } from "./pins.mjs" */

/**
 * Builds one program from its Go module, which pins every source.
 *
 * @param {GoBuild} build
 * @param {string} folder where the program goes, with the data that it reads
 * @param {{modules: string, machine: string, env: NodeJS.ProcessEnv}} context folder of the Go modules, and what it is
 *   built for: `<platform>-<arch>`
 * @throws {Error} with what `go` printed
 */
export async function buildProgram(build, folder, { modules, machine, env }) {
    const { binary, versionVariable, tags = [], cgo = false } = build;
    const args = ["build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", `-s -w -X ${versionVariable}`];
    if (tags.length > 0) args.push("-tags", tags.join(","));
    const target = { CGO_ENABLED: cgo ? "1" : "0", GOWORK: "off", ...goTarget(machine) };
    const options = { cwd: join(modules, build.module), env: { ...env, ...target } };
    await captureOrThrow("go", [...args, "-o", join(folder, binary), build.package], options);
    await copyData(build, folder, options);
}

/**
 * Copies the folders of its module that a program reads while it runs.
 *
 * @param {GoBuild} build
 * @param {string} folder
 * @param {{cwd: string, env: NodeJS.ProcessEnv}} options where the module is known
 */
async function copyData({ package: name, data = [] }, folder, options) {
    if (data.length === 0) return;
    const module = (await captureOrThrow("go", ["list", "-mod=readonly", "-f", "{{.Dir}}", name], options)).trim();
    for (const part of data) copyWritable(join(module, part), join(folder, part));
}

/** Go's cache of modules is read-only; a copy with its modes could not be removed. @param {string} from @param {string} to */
function copyWritable(from, to) {
    mkdirSync(to, { recursive: true });
    for (const entry of readdirSync(from, { withFileTypes: true })) {
        const [source, target] = [join(from, entry.name), join(to, entry.name)];
        if (entry.isDirectory()) copyWritable(source, target);
        else writeFileSync(target, readFileSync(source));
    }
}

/** What makes Go build for another kind of machine. @param {string} machine @returns {NodeJS.ProcessEnv} */
function goTarget(machine) {
    if (machine === `${platform()}-${arch()}`) return {};
    const [os = "", cpu = ""] = machine.split("-");
    return { GOOS: os, GOARCH: cpu === "x64" ? "amd64" : cpu };
}
