import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describeArchive, openArchive, verifyStructure } from "../../lib/archives";
import type { Digest } from "../../lib/oci/digest";
import { RegistryProcess } from "../support/registry-process";

jest.setTimeout(600_000);

/** What every tool is asked to put into its archives: two hosts with one path and tag, an index, a Docker manifest. */
const NAMES = [
    "quay.io/team/app:1.0",
    "registry.redhat.io/team/app:1.0",
    "quay.io/team/multi:2.0",
    "quay.io/team/v2s2:1.0",
] as const;
const [APP, OTHER, MULTI, V2S2] = NAMES;

/** The settings of all tools: nothing of this machine's is read. */
const home = mkdtempSync(join(tmpdir(), "archive tools "));
const settings = join(home, ".config/containers");
let registry: RegistryProcess;
let containerd: ChildProcess;
/** Upstream name -> digest, as the registry has it. */
const upstream: Record<string, Digest> = {};

/** Where the registry has an image: its upstream name is a path there. */
const place = (name: string): string => `${registry.host}/${name}`;

function run(program: string, ...args: readonly string[]): string {
    const env = { PATH: process.env.PATH, HOME: home, REGISTRY_AUTH_FILE: join(home, "auth.json") };
    return execFileSync(program, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const storage = (): string[] => [
    "--root",
    join(home, "storage"),
    "--runroot",
    join(home, "run"),
    "--storage-driver",
    "vfs",
];
const podman = (...args: readonly string[]) => run("podman", ...storage(), ...args);
const buildah = (...args: readonly string[]) => run("buildah", ...storage(), ...args);
const skopeo = (...args: readonly string[]) => run("skopeo", "--insecure-policy", ...args);
const socket = join(home, "containerd/containerd.sock");
const ctr = (...args: readonly string[]) => run("ctr", "--address", socket, ...args);

beforeAll(async () => {
    registry = await RegistryProcess.start();
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(home, "auth.json"), "{}");
    writeFileSync(join(settings, "policy.json"), '{"default": [{"type": "insecureAcceptAnything"}]}');
    const redirected = ["quay.io", "registry.redhat.io"].map(
        (host) => `[[registry]]\nprefix = "${host}"\nlocation = "${registry.host}/${host}"\ninsecure = true\n`,
    );
    writeFileSync(join(settings, "registries.conf"), redirected.join(""));
    pushImages();
    for (const name of NAMES) upstream[name] = run("crane", "digest", place(name)).trim();
    await startContainerd();
});

afterAll(async () => {
    containerd.kill();
    await registry.stop();
    rmSync(home, { recursive: true, force: true });
});

function pushImages(): void {
    const layer = (name: string): string => {
        mkdirSync(join(home, name));
        writeFileSync(join(home, name, `${name}.txt`), `${name}\n`);
        const file = join(home, `${name}.tar`);
        execFileSync("tar", ["-C", join(home, name), "-cf", file, `${name}.txt`]);
        return file;
    };
    const [base, app, other, arm] = ["base", "app", "other", "arm"].map(layer) as [string, string, string, string];
    const oci = ["append", "--oci-empty-base"];
    run("crane", ...oci, "-f", base, "-f", app, "-t", place(APP));
    run("crane", ...oci, "-f", base, "-f", other, "-t", place(OTHER));
    run("crane", "append", "-f", base, "-t", place(V2S2));
    run("crane", ...oci, "-f", arm, "-t", place("arm:1"));
    run("crane", "mutate", "--set-platform", "linux/arm64", "-t", place("arm:1"), place("arm:1"));
    run("crane", "mutate", "--set-platform", "linux/amd64", "-t", place("amd:1"), place(APP));
    run("regctl", "registry", "set", "--tls", "disabled", registry.host);
    // crane writes artifactType into its indexes, which skopeo 1.9 does not know and so leaves out or refuses.
    run("regctl", "index", "create", place(MULTI), "--ref", place("amd:1"), "--ref", place("arm:1"));
}

async function startContainerd(): Promise<void> {
    const folder = join(home, "containerd");
    mkdirSync(folder);
    const config = `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "${socket}"\n[ttrpc]\naddress = "${socket}.ttrpc"\n`;
    writeFileSync(join(folder, "config.toml"), config);
    containerd = spawn("containerd", ["--config", join(folder, "config.toml")], { stdio: "ignore" });
    while (!existsSync(socket) && containerd.exitCode === null) await nextTurn();
    if (containerd.exitCode !== null) throw new Error(`containerd ended with ${containerd.exitCode}`);
}

/** A tool, and what it is asked for. */
interface Producer {
    readonly title: string;
    readonly make: (folder: string) => void;
    /** The names that come out; default: all, with upstream's digests. */
    readonly names?: readonly string[];
    /** The tool writes where it pulled from: the registry's own host stands in front. */
    readonly hasPlaces?: true;
    /** Upstream's digest is lost: the images are known by tag. */
    readonly isTagOnly?: true;
    /** The tool changes the image and says nothing: the name alone can be held. */
    readonly isChanged?: true;
}

const file = (folder: string, at: number): string => join(folder, `archive${at}.tar`);

const PRODUCERS: readonly Producer[] = [
    {
        title: "skopeo copy --all --preserve-digests oci-archive:",
        make: (folder) =>
            NAMES.forEach((name, at) =>
                skopeo(
                    "copy",
                    "-q",
                    "--all",
                    "--preserve-digests",
                    `docker://${name}`,
                    `oci-archive:${file(folder, at)}:${name}`,
                ),
            ),
    },
    {
        title: "skopeo sync --all --preserve-digests --scoped --dest dir",
        make: (folder) =>
            NAMES.forEach((name) =>
                skopeo(
                    "sync",
                    "--all",
                    "--preserve-digests",
                    "--scoped",
                    "--src",
                    "docker",
                    "--dest",
                    "dir",
                    name,
                    folder,
                ),
            ),
    },
    {
        title: "skopeo copy docker-archive:",
        make: (folder) =>
            NAMES.forEach((name, at) =>
                skopeo("copy", "-q", `docker://${name}`, `docker-archive:${file(folder, at)}:${name}`),
            ),
        isTagOnly: true,
    },
    {
        title: "podman save --multi-image-archive",
        make: (folder) => {
            for (const name of NAMES) podman("pull", "-q", name);
            podman("save", "-q", "-m", "-o", file(folder, 0), ...NAMES);
        },
        isTagOnly: true,
    },
    {
        title: "podman save --format oci-archive",
        make: (folder) => {
            for (const [at, name] of NAMES.entries()) {
                podman("pull", "-q", name);
                podman("save", "-q", "--format", "oci-archive", "-o", file(folder, at), name);
            }
        },
        isChanged: true,
    },
    {
        title: "buildah push oci-archive:",
        make: (folder) => {
            for (const [at, name] of NAMES.entries()) {
                buildah("pull", "-q", name);
                buildah("push", "-q", name, `oci-archive:${file(folder, at)}:${name}`);
            }
        },
        isChanged: true,
    },
    {
        title: "ctr images export, of several images in one tar",
        make: (folder) => {
            for (const name of NAMES) {
                ctr("images", "pull", "--plain-http", "--all-platforms", "--snapshotter", "native", place(name));
                ctr("images", "tag", "--force", place(name), name);
            }
            ctr("images", "export", "--all-platforms", file(folder, 0), ...NAMES);
        },
    },
    {
        title: "ctr images export, of a platform of an index",
        make: (folder) => {
            ctr("images", "pull", "--plain-http", "--snapshotter", "native", "--platform", "linux/amd64", place(MULTI));
            ctr("images", "tag", "--force", place(MULTI), MULTI);
            ctr("images", "export", "--platform", "linux/amd64", file(folder, 0), MULTI);
        },
        names: [MULTI],
    },
    {
        title: "crane pull --format=oci --annotate-ref, of several images into one layout",
        make: (folder) =>
            NAMES.forEach((name) =>
                run("crane", "pull", "--format=oci", "--annotate-ref", place(name), join(folder, "all")),
            ),
        hasPlaces: true,
    },
    {
        title: "crane pull, of several images into one tarball",
        make: (folder) => void run("crane", "pull", ...[APP, OTHER, V2S2].map(place), file(folder, 0)),
        names: [APP, OTHER, V2S2],
        hasPlaces: true,
        isTagOnly: true,
    },
    {
        title: "regctl image export",
        make: (folder) => NAMES.forEach((name, at) => run("regctl", "image", "export", place(name), file(folder, at))),
        hasPlaces: true,
    },
    {
        title: "regctl image copy ocidir://, each below its host and path",
        make: (folder) =>
            NAMES.forEach((name) => run("regctl", "image", "copy", place(name), `ocidir://${folder}/${name}`)),
    },
    {
        title: "oras copy --to-oci-layout, each below its host and path",
        make: (folder) =>
            NAMES.forEach((name) => {
                mkdirSync(join(folder, name, ".."), { recursive: true });
                run("oras", "copy", "--from-plain-http", place(name), "--to-oci-layout", join(folder, name));
            }),
    },
];

test.each(PRODUCERS)("$title: every image that was put in comes out under its name and digest", async (producer) => {
    const { make, names = NAMES, hasPlaces, isTagOnly, isChanged } = producer;
    const folder = mkdtempSync(join(home, "out "));
    make(folder);
    expect(readdirSync(folder).length).toBeGreaterThan(0);
    const archive = await openArchive(folder);
    try {
        const { lock } = await describeArchive(archive, []);
        expect(await verifyStructure(archive, lock)).toEqual([]);
        const keys = names.map((name) => (hasPlaces ? place(name) : name)).sort();
        expect(Object.keys(lock.images)).toEqual(keys);
        expect(Object.keys(lock.marks ?? {})).toEqual(isTagOnly ? keys : []);
        if (isTagOnly || isChanged) return;
        const digests = Object.fromEntries(names.map((name) => [hasPlaces ? place(name) : name, upstream[name]]));
        expect(lock.images).toEqual(digests);
    } finally {
        await archive.close();
    }
});

test("archives of two kinds in one folder are one set, with each image once", async () => {
    const folder = mkdtempSync(join(home, "all "));
    const [archives, sync] = ["archives", "sync"].map((name) => join(folder, name)) as [string, string];
    for (const path of [archives, sync]) mkdirSync(path);
    const byTitle = (title: string) => PRODUCERS.find((producer) => producer.title.startsWith(title));
    byTitle("skopeo copy --all")?.make(archives);
    byTitle("skopeo sync")?.make(sync);
    const archive = await openArchive(folder);
    try {
        const { lock } = await describeArchive(archive, []);
        expect(lock.format).toBe("mixed");
        expect(lock.images).toEqual(upstream);
    } finally {
        await archive.close();
    }
});
