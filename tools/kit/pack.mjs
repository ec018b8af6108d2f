import { createHash } from "node:crypto";
import {
    chmodSync,
    createReadStream,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    renameSync,
    rmSync,
    statSync,
    writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { captureOrThrow } from "../process.mjs";
import { filesBelow } from "./contents.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/**
 * @typedef {object} KitFacts
 * @property {string} version of the program
 * @property {string} platform `linux-x64`
 * @property {object} contents what the manifest says of the parts
 */

/**
 * Packs a staged installation into one archive: `install.sh`, `manifest.json`, `payload.tar.gz` and the sums of these
 * three. The same staged files give the same bytes.
 *
 * @param {string} staging what is installed; gets a `SHA256SUMS` of its files
 * @param {string} output folder for the archive, created if absent
 * @param {KitFacts} facts
 * @returns {Promise<{file: string, sha256: string, id: string}>} the archive; `<file>.sha256` is beside it
 */
export async function packKit(staging, output, { version, platform, contents }) {
    const sums = await checksums(
        staging,
        filesBelow(staging, ".").map((file) => file.slice(2)),
    );
    const id = `${version}-${createHash("sha256").update(sums).digest("hex").slice(0, 12)}`;
    writeFileSync(join(staging, "SHA256SUMS"), sums);
    const name = `registry-passthrough-kit-${id}-${platform}`;
    mkdirSync(output, { recursive: true });
    const work = mkdtempSync(join(output, ".partial-"));
    try {
        const kit = join(work, name);
        mkdirSync(kit);
        await archive(staging, ".", join(kit, "payload.tar.gz"), ["--use-compress-program", "gzip -n"]);
        const payload = { file: "payload.tar.gz", sha256: await sha256(join(kit, "payload.tar.gz")) };
        const manifest = { kit: 1, id, version, platform, payload, ...contents };
        writeFileSync(join(kit, "manifest.json"), `${JSON.stringify(manifest, undefined, 4)}\n`);
        writeInstaller(join(kit, "install.sh"), { id, platform });
        const parts = ["install.sh", "manifest.json", "payload.tar.gz"];
        writeFileSync(join(kit, "SHA256SUMS"), await checksums(kit, parts));
        for (const part of [...parts.slice(1), "SHA256SUMS"]) chmodSync(join(kit, part), 0o644);
        return { id, ...(await finish(work, name, output)) };
    } finally {
        rmSync(work, { recursive: true, force: true });
    }
}

/** @param {string} work @param {string} name @param {string} output @returns {Promise<{file: string, sha256: string}>} */
async function finish(work, name, output) {
    const partial = join(work, `${name}.tar`);
    await archive(work, name, partial);
    const sum = await sha256(partial);
    const file = join(output, basename(partial));
    renameSync(partial, file);
    writeFileSync(`${file}.sha256`, `${sum}  ${basename(file)}\n`);
    return { file, sha256: sum };
}

/**
 * GNU tar with sorted entries and without anything of this machine: times, owners, and the mode bits of a umask.
 *
 * @param {string} folder
 * @param {string} member of it
 * @param {string} file
 * @param {string[]} [flags]
 */
async function archive(folder, member, file, flags = []) {
    const fixed = ["--format=gnu", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    const args = ["-C", folder, ...fixed, "--mode=u+rwX,go+rX,go-w", ...flags, "-cf", file, member];
    await captureOrThrow("tar", args, { env: { ...process.env, LC_ALL: "C" } });
}

/** @param {string} file @param {{id: string, platform: string}} facts */
function writeInstaller(file, { id, platform }) {
    const text = readFileSync(join(here, "install.sh"), "utf8");
    writeFileSync(file, text.replaceAll("@ID@", id).replaceAll("@PLATFORM@", platform));
    chmodSync(file, 0o755);
}

/**
 * @param {string} folder
 * @param {string[]} files relative to it
 * @returns {Promise<string>} as `sha256sum` prints it
 */
async function checksums(folder, files) {
    const lines = [];
    for (const file of [...files].sort()) lines.push(`${await sha256(join(folder, file))}  ${file}\n`);
    return lines.join("");
}

/** @param {string} file @returns {Promise<string>} hex */
export async function sha256(file) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(file)) hash.update(chunk);
    return hash.digest("hex");
}

/** @param {string} file @returns {number} bytes */
export function size(file) {
    return statSync(file).size;
}
