import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { end, listening } from "../processes";
import { type HostState, fail, runningContainer, without } from "./host-state";

/** podman-run(1), podman-load(1), podman-image-exists(1), podman-stop(1), podman-rm(1) of podman 4. */
export class Podman {
    /** @param root folder of the host's files */
    constructor(
        private readonly root: string,
        private readonly state: HostState,
    ) {}

    /** @returns what it prints */
    async call(args: readonly string[]): Promise<string> {
        const line = args.join(" ");
        if (line === "--version") return `podman version ${this.state.version}\n`;
        const [, exists] = /^image exists (\S+)$/.exec(line) ?? [];
        if (exists !== undefined) return this.imageId(exists) === undefined ? fail("", 1) : "";
        const [, inspected] = /^image inspect --format {{\.Id}} (\S+)$/.exec(line) ?? [];
        if (inspected !== undefined)
            return `${this.imageId(inspected) ?? fail(`Error: ${inspected}: image not known`)}\n`;
        const [, archive] = /^load --quiet --input (\S+)$/.exec(line) ?? [];
        if (archive !== undefined) return this.load(archive);
        const [, pulled] = /^pull --quiet (\S+)$/.exec(line) ?? [];
        if (pulled !== undefined) return fail(`Error: initializing source docker://${pulled}: no route to host`);
        const [, label, container] =
            /^container inspect --format {{index \.Config\.Labels "(\S+)"}} (\S+)$/.exec(line) ?? [];
        if (label !== undefined && container !== undefined) {
            const found = runningContainer(this.state, container) ?? fail(`Error: no such container ${container}`);
            return `${found.labels[label] ?? "<no value>"}\n`;
        }
        const [, checked] =
            /^run --rm --pull=never --network=none --cap-drop=all --entrypoint=registry (\S+) --version$/.exec(line) ??
            [];
        if (checked !== undefined)
            return this.imageId(checked) === undefined ? fail("Error: no such image") : "registry 3.1.2\n";
        const [, cidFile] = /^(?:stop --ignore --time=30|rm --force --ignore) --cidfile=(\S+)$/.exec(line) ?? [];
        if (cidFile !== undefined) return this.end(cidFile);
        if (args[0] === "run") return this.run(args.slice(1));
        return fail(`podman stand-in: unknown: ${line}`);
    }

    /** @param reference name or id */
    private imageId(reference: string): string | undefined {
        const isIt = ([id, { names }]: [string, { readonly names: readonly string[] }]) =>
            id === reference || names.includes(reference);
        return Object.entries(this.state.images).find(isIt)?.[0];
    }

    /** An archive of these tests has the name of its image and its id. */
    private load(file: string): string {
        const [, image, id] = /^image (\S+) ([0-9a-f]{64})\n$/.exec(readFileSync(file, "utf8")) ?? [];
        if (image === undefined || id === undefined)
            return fail("Error: payload does not match any of the supported image formats");
        // A name is that of one image.
        const others = Object.entries(this.state.images).map(
            ([other, { names }]) => [other, { names: names.filter((one) => one !== image) }] as const,
        );
        this.state.images = { ...Object.fromEntries(others), [id]: { names: [image] } };
        return `Loaded image: ${image}\n`;
    }

    private async end(cidFile: string): Promise<string> {
        const name = existsSync(cidFile) ? readFileSync(cidFile, "utf8") : "";
        const found = this.state.containers[name];
        if (found !== undefined) await end(found.process);
        this.state.containers = without(this.state.containers, name);
        return "";
    }

    /** Starts the real registry, with the paths of the container as those of the host. */
    private async run(words: readonly string[]): Promise<string> {
        const { values, volumes, labels, rest } = runOptions(words);
        const [image = "", serve, config = "", more] = rest;
        if (this.imageId(image) === undefined) fail(`Error: ${image}: image not known`);
        if (serve !== "serve" || more !== undefined) fail(`podman stand-in: unknown: ${rest.join(" ")}`);
        const onHost = (text: string) => volumes.reduce((all, [from, to]) => all.replaceAll(to, from), text);
        const text = onHost(readFileSync(onHost(config), "utf8"));
        const name = values["--name"] ?? "";
        const file = join(this.root, `${name}.json`);
        writeFileSync(file, text);
        const log = openSync(join(this.root, `${name}.log`), "a");
        const child = spawn("registry", ["serve", file], { stdio: ["ignore", log, log] });
        const { http } = JSON.parse(text) as { http: { addr: string } };
        await listening(child, Number(/:(\d+)$/.exec(http.addr)?.[1])).catch((error: unknown) =>
            fail(`Error: ${String(error)}`, 1),
        );
        this.state.containers = { ...this.state.containers, [name]: { process: child, labels, image } };
        this.state.starts = [...this.state.starts, name];
        writeFileSync(values["--cidfile"] ?? "", name);
        writeFileSync(join(this.root, `${name}.pid`), String(child.pid));
        return `${name}\n`;
    }
}

const FLAGS = new Set([
    ...["--cgroups=no-conmon", "--rm", "--sdnotify=conmon", "--replace", "--detach", "--network=host", "--read-only"],
    ...["--pull=never", "--cap-drop=all", "--security-opt=no-new-privileges", "--env=OTEL_TRACES_EXPORTER=none"],
    ...["--user=0:0", "--entrypoint=registry"],
]);

/** @returns what `rest` has is no option of `podman run` that is known */
function runOptions(words: readonly string[]) {
    const values: Record<string, string> = {};
    const volumes: (readonly [from: string, to: string])[] = [];
    const labels: Record<string, string> = {};
    const rest = words.filter((word) => {
        const [, flag = "", value = ""] = /^(--[a-z]+)=(.*)$/.exec(word) ?? [];
        if (flag === "--volume") {
            const [, from = "", to = "", options] = /^([^:]+):([^:]+):(ro|rw),z$/.exec(value) ?? [];
            if (options === undefined || !existsSync(from)) fail(`Error: statfs ${from}: no such file or directory`);
            volumes.push([from, to]);
        } else if (flag === "--label") labels[value.split("=")[0] ?? ""] = value.slice(value.indexOf("=") + 1);
        else if (flag === "--cidfile" || flag === "--name") values[flag] = value;
        else if (!FLAGS.has(word)) return true;
        return false;
    });
    return { values, volumes, labels, rest };
}
