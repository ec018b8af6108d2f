import { asksForHelp } from "./command-line.mjs";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { onPath } from "./installed-tool.mjs";
import { openToolbox, prepare, runMain } from "./prepare.mjs";
import { captureOrThrow, runThrough } from "./process.mjs";
import { createProgress } from "./progress.mjs";
import { toolsOfTests } from "./test-tools.mjs";
import { defaultStack, pulumiEnvironment, workspace } from "./workspace.mjs";

const place = workspace();
/** Tools that make archives: those of tools.json, and those of Debian by their programs. */
const archiveTools = ["crane", "regctl", "oras"];
const debianTools = {
    skopeo: "skopeo",
    podman: "podman",
    buildah: "buildah",
    containerd: "containerd",
    ctr: "containerd",
    nginx: "nginx",
    tmux: "tmux",
    nft: "nftables",
    sshd: "openssh-server",
    "systemd-nspawn": "systemd-container",
    "dbus-daemon": "dbus",
};
const suites = ["unit", "integration", "stack", "faults"];

const usage = `usage: npm test [-- PATH… | -t NAME | any option of jest]; npm run test:root; npm run test:faults
Fetches the tools, compiles the program, and runs the tests. One suite: npm test -- test/unit/oci`;

/**
 * Sets up what the tests need and runs them; arguments go to jest. Tests find the tools on PATH, under their own names,
 * and make their own stacks, backends and registries in temporary folders.
 *
 * @param {string[]} args `--root` runs what needs root instead, `--faults` all rounds of the fault suite
 * @returns {Promise<number>} jest's exit code
 */
async function main(args) {
    if (args.length > 0 && asksForHelp(args)) {
        process.stdout.write(`${usage}\n`);
        return 0;
    }
    const root = args.includes("--root");
    const faults = args.includes("--faults");
    const progress = createProgress();
    if (root) await ensureRootTools(progress);
    const toolbox = await prepare(place, progress, ["pulumi", "registry", ...(root ? archiveTools : [])]);
    const own = args.filter((argument) => !["--root", "--faults"].includes(argument));
    const folders = (root ? ["root"] : faults ? ["faults"] : suites)
        .map((name) => join(place.root, "test", name))
        .filter((dir) => existsSync(dir));
    if (folders.length === 0) throw new Error(`there are no tests in test/${root ? "root" : `{${suites.join(",")}}`}`);
    const jest = join(place.root, "node_modules", "jest", "bin", "jest.js");
    const flags = [...folders.map((dir) => `--roots=${dir}`), ...workers(own, root)];
    // After --roots, jest would take the paths that it is given for more roots.
    const command = [jest, ...own, ...flags];
    const further = await openToolbox(place, progress, await toolsOfTests(place.root, [process.execPath, ...command]));
    const env = {
        ...environment([...toolbox.directories, ...further.directories]),
        ...(faults ? wholeFaults() : {}),
    };
    return runThrough(process.execPath, command, { cwd: place.root, env });
}

/** All rounds; what they met is written to `.local/faults.txt`. */
function wholeFaults() {
    const report = join(place.root, ".local", "faults.txt");
    mkdirSync(dirname(report), { recursive: true });
    writeFileSync(report, "");
    return { FAULTS: "all", FAULT_REPORT: report };
}

/**
 * Tests set the backend, the passphrase and the stack of their own runs: none of the user's may shine through.
 *
 * @param {string[]} directories what PATH needs in front
 * @returns {NodeJS.ProcessEnv}
 */
function environment(directories) {
    const foreign = /^PULUMI_(BACKEND_URL|STACK|CONFIG_PASSPHRASE|CONFIG_PASSPHRASE_FILE|ACCESS_TOKEN)$/;
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
    const { PATH } = pulumiEnvironment(place, defaultStack, directories);
    // Programs and providers start thousands of times; from Node 22 on they need not be compiled each time.
    return { ...clean, PATH, NODE_COMPILE_CACHE: join(place.root, ".local", "compile-cache") };
}

/**
 * One more than cores, since stacks wait for controllers now and then; those of `--root` share the machine's container
 * settings.
 *
 * @param {string[]} args
 * @param {boolean} root
 * @returns {string[]} flags of jest
 */
function workers(args, root) {
    if (args.some((argument) => /^(-i|--runInBand|-w|--maxWorkers)(=|$)/.test(argument))) return [];
    return root ? ["--runInBand"] : [`--maxWorkers=${Math.min(4, availableParallelism() + 1)}`];
}

/** @param {import("./progress.mjs").Progress} progress */
async function ensureRootTools(progress) {
    if (process.getuid?.() !== 0) {
        throw new Error(
            "these tests need root (they change container settings of this machine): sudo npm run test:root",
        );
    }
    const missing = Object.entries(debianTools).filter(([program]) => onPath(program, process.env).length === 0);
    const packages = [...new Set(missing.map(([, name]) => name))];
    if (packages.length === 0) return;
    progress.note(`installing ${packages.join(", ")} with apt-get`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await progress.beat(`installing ${packages.join(", ")}`, async () => {
        await captureOrThrow("apt-get", ["update", "-q"], { env });
        await captureOrThrow("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...packages], { env });
    });
}

await runMain(() => main(process.argv.slice(2)));
