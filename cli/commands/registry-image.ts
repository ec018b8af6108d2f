import { accessSync, constants } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { PassthroughError } from "../../lib/errors/errors";
import { registryImage, writeImageArchive } from "../../lib/image-build";
import { parseReference } from "../../lib/oci/reference";
import { EXIT_OK } from "../exit-codes";
import { print } from "../terminal/output";

export interface RegistryImageOptions {
    readonly program?: string;
    readonly name?: string;
    readonly json?: boolean;
}

/** Writes the image of a plain registry as an OCI archive. @throws PassthroughError `REGISTRY_PROGRAM_INVALID`, `CONFIG_INVALID` */
export async function runRegistryImage(file: string, options: RegistryImageOptions): Promise<number> {
    const { name = "localhost/distribution", program = programOnPath() } = options;
    requireRepository(name);
    const image = await registryImage(program);
    const temporary = `${file}.${process.pid}.new`;
    try {
        await writeImageArchive(temporary, name, image);
        await rename(temporary, file);
    } catch (error) {
        await rm(temporary, { force: true });
        throw error;
    }
    const { architecture, manifest } = image;
    const reference = `${name}@${manifest.digest}`;
    if (options.json === true) print(JSON.stringify({ file, architecture, image: reference }));
    else print(`written: ${file}, for ${architecture}\nimage: ${reference}`);
    return EXIT_OK;
}

/** The wrapper of `npm run passthrough`, and the kit, have the project's own registry there. */
function programOnPath(): string {
    const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
    const found = folders.map((folder) => join(folder, "registry")).find(isProgram);
    if (found !== undefined) return found;
    throw new PassthroughError("there is no program `registry` on PATH", {
        code: "REGISTRY_PROGRAM_INVALID",
        thing: "registry",
        fix: "give one with --program, or start this command by npm run -s passthrough",
    });
}

function isProgram(path: string): boolean {
    try {
        accessSync(path, constants.X_OK);
        return true;
    } catch {
        return false;
    }
}

function requireRepository(name: string): void {
    parseReference(name);
    if (!/[@:]/.test(name.slice(name.indexOf("/")))) return;
    throw new PassthroughError("it has a tag or a digest", {
        code: "CONFIG_INVALID",
        thing: `--name ${name}`,
        fix: "write <host>/<repository>: the digest follows from the image",
    });
}
