import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import type { ServerCertificate } from "./certificates";
import { end, listening } from "./processes";

export interface RegistryProcessOptions {
    /** Absent: plain HTTP. */
    readonly tls?: ServerCertificate;
    /** PEM of the CA whose client certificates it asks for, over TLS; absent: it asks for none. */
    readonly clientCa?: string;
    /** Absent: no authentication. */
    readonly account?: { readonly username: string; readonly password: string };
    /** Off: manifests cannot be deleted, as distribution comes. */
    readonly deletes?: boolean;
    /** Keep a place and its content over several processes. */
    readonly port?: number;
    readonly folder?: string;
    readonly disk?: Disk;
    /** Serves the content of another registry, and refuses what changes it: `storage.maintenance.readonly`. */
    readonly readOnlyCopyOf?: RegistryProcess;
    /** Patterns of URLs that manifests may have for layers; absent: none, as distribution comes. */
    readonly layerUrls?: readonly string[];
}

/** A small disk for the storage: a file system of so many bytes that only the registry's process sees (Linux). */
export interface Disk {
    readonly bytes: number;
}

/** One line of the registry's access log. */
export interface Access {
    readonly method: string;
    readonly path: string;
    readonly status: number;
}

/** A real distribution registry on loopback, with storage of its own, and what it was asked. */
export class RegistryProcess {
    private constructor(
        private child: ChildProcess,
        readonly port: number,
        readonly folder: string,
        private readonly options: RegistryProcessOptions,
        private output: string,
    ) {}

    get host(): string {
        return `localhost:${this.port}`;
    }

    static async start(options: RegistryProcessOptions = {}): Promise<RegistryProcess> {
        const folder = options.folder ?? mkdtempSync(join(tmpdir(), "registry "));
        const port = options.port ?? (await freePort());
        writeFileSync(join(folder, "config.yml"), JSON.stringify(configuration(folder, port, options)));
        const registry = new RegistryProcess(launch(folder, options.disk), port, folder, options, "");
        await registry.ready();
        return registry;
    }

    /** Everything the registry was asked since it started (or since `forget`), in order. */
    accesses(): Access[] {
        const line = /"([A-Z]+) (\/v2\/\S*) HTTP\/[\d.]+" (\d{3}) /g;
        return [...this.output.matchAll(line)].map(([, method = "", path = "", status]) => ({
            method,
            path,
            status: Number(status),
        }));
    }

    /** What changed the registry: uploads begun, blobs and manifests put. */
    writes(): Access[] {
        return this.accesses().filter(({ method }) => method !== "GET" && method !== "HEAD");
    }

    forget(): void {
        this.output = "";
    }

    /** A file of the registry's storage: `blobs/sha256/ab/abcd…/data`. */
    storage(...path: string[]): string {
        const root = this.options.disk === undefined ? "" : `/proc/${this.child.pid ?? 0}/root`;
        return join(root, this.folder, "storage", "docker", "registry", "v2", ...path);
    }

    /** Changes an account while the registry runs: it reads the file again when it has changed. */
    setPassword(username: string, password: string): void {
        writeFileSync(join(this.folder, "htpasswd"), `${username}:${hashSync(password, 4)}\n`);
    }

    /** @returns false if nothing was running any more */
    kill(signal: NodeJS.Signals = "SIGKILL"): Promise<boolean> {
        return end(this.child, signal);
    }

    /** The same registry again, on the same port and storage. @returns as `kill` */
    async restart(): Promise<boolean> {
        const wasRunning = await this.kill();
        this.child = launch(this.folder, this.options.disk);
        await this.ready();
        return wasRunning;
    }

    /** The same registry again, with another certificate. */
    async serveWith(tls: ServerCertificate): Promise<void> {
        writeFileSync(join(this.folder, "tls.crt"), tls.certificate);
        writeFileSync(join(this.folder, "tls.key"), tls.key);
        await this.restart();
    }

    async stop(): Promise<void> {
        await this.kill();
        if (this.options.folder === undefined) rmSync(this.folder, { recursive: true, force: true });
    }

    private async ready(): Promise<void> {
        const { child } = this;
        for (const stream of [child.stdout, child.stderr]) {
            stream?.on("data", (chunk: Buffer) => {
                this.output += chunk.toString("utf8");
            });
        }
        await listening(child, this.port, () => this.output);
        this.forget();
    }
}

function launch(folder: string, disk: Disk | undefined): ChildProcess {
    const serve = ["registry", "serve", join(folder, "config.yml")] as const;
    const [program, ...args] = disk === undefined ? serve : [...onDisk(disk, join(folder, "storage")), ...serve];
    return spawn(program, args, {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
    });
}

/** The mount ends with the process: it is in a namespace of its own (mount_namespaces(7)). */
function onDisk({ bytes }: Disk, storage: string): readonly [string, ...string[]] {
    const script = 'mkdir -p "$0" && mount -t tmpfs -o "size=$1" tmpfs "$0" && shift && exec "$@"';
    return [...NAMESPACE, "sh", "-c", script, storage, String(bytes)];
}

/** Who is not root may still mount in a user namespace (user_namespaces(7)), where the system allows those. */
const NAMESPACE = ["unshare", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]), "--mount"] as const;

/** True where a registry may have a disk of its own. */
export function canHaveDisk(): boolean {
    const [program, ...args] = NAMESPACE;
    return spawnSync(program, [...args, "true"]).status === 0;
}

function configuration(folder: string, port: number, options: RegistryProcessOptions): object {
    const { tls, clientCa, account, deletes = true, layerUrls, readOnlyCopyOf: original } = options;
    const file = (name: string, text: string) => {
        writeFileSync(join(folder, name), text, { mode: 0o600 });
        return join(folder, name);
    };
    return {
        version: "0.1",
        log: { level: "warn", accesslog: { disabled: false } },
        storage: {
            filesystem: { rootdirectory: join(original?.folder ?? folder, "storage") },
            delete: { enabled: deletes },
            ...(original === undefined ? {} : { maintenance: { readonly: { enabled: true } } }),
        },
        http: {
            addr: `127.0.0.1:${port}`,
            secret: "of no use to anybody",
            ...(tls === undefined
                ? {}
                : {
                      tls: {
                          certificate: file("tls.crt", tls.certificate),
                          key: file("tls.key", tls.key),
                          ...(clientCa === undefined ? {} : { clientcas: [file("client-ca.crt", clientCa)] }),
                      },
                  }),
        },
        ...(layerUrls === undefined ? {} : { validation: { manifests: { urls: { allow: layerUrls } } } }),
        ...(account === undefined
            ? {}
            : {
                  auth: {
                      htpasswd: {
                          realm: "test",
                          path: file("htpasswd", `${account.username}:${hashSync(account.password, 4)}\n`),
                      },
                  },
              }),
    };
}

/** Below those that Linux gives out itself (net.ipv4.ip_local_port_range): a registry that is down keeps its port. */
const OWN_PORTS = [15_000, 32_000] as const;

/** A port that was free a moment ago, and that nothing is given by chance. */
export async function freePort(): Promise<number> {
    for (;;) {
        const port = randomInt(...OWN_PORTS);
        const server = createServer().listen(port, "127.0.0.1");
        const isFree = await once(server, "listening").then(
            () => true,
            () => false,
        );
        if (!isFree) continue;
        server.close();
        await once(server, "close");
        return port;
    }
}

/** The bytes of a file in the registry's storage, for comparing. */
export function stored(registry: RegistryProcess, digest: string): Buffer {
    const hex = digest.slice("sha256:".length);
    return readFileSync(registry.storage("blobs", "sha256", hex.slice(0, 2), hex, "data"));
}
