import { execFileSync } from "node:child_process";
import { clockFindings, machineScript, mountFindings, nameFindings, parseMachineFacts } from "../../../lib/host-checks";
import type { NameExpectation } from "../../../lib/host-checks/findings";

const NAME = "registry.site-a.test";
const HOST = ["127.0.0.1", "10.0.0.5", "2001:db8::5"];

/** What is said when the host and this machine resolve the name to these addresses; undefined: not known. */
function said(
    onHost: readonly string[],
    here: readonly string[] | undefined,
    options: Partial<Omit<NameExpectation, "here">> & { readonly addresses?: readonly string[] } = {},
): string[] {
    const { isHere = false, isOfHost = true, addresses = HOST, reachedAt } = options;
    const seen = new Map(here === undefined ? [] : [[NAME, here]]);
    const machine = { names: new Map([[NAME, onHost]]), addresses };
    const expected = { here: seen, isHere, isOfHost, ...(reachedAt === undefined ? {} : { reachedAt }) };
    return nameFindings(machine, expected).map(({ problem, isWarning }) =>
        isWarning === true ? `warning: ${problem}` : problem,
    );
}

test("a name that the host and this machine resolve to the host is fine", () => {
    expect(said(["10.0.0.5"], ["10.0.0.5"])).toEqual([]);
    expect(said(["127.0.1.1"], ["192.0.2.1", "2001:db8::5"])).toEqual([]);
    expect(said(["::ffff:10.0.0.5"], undefined)).toEqual([]);
    expect(said(["10.0.0.5"], ["127.0.0.1"], { isHere: true })).toEqual([]);
});

test("a name that one of them does not resolve is refused; one that leads elsewhere is said with both addresses", () => {
    expect(said([], [])).toEqual(["the host does not resolve it", "this machine does not resolve it"]);
    const own = "which is no address of the host (10.0.0.5, 2001:db8::5)";
    expect(said(["10.0.0.6"], ["127.0.0.1"])).toEqual([
        `warning: the host resolves it to 10.0.0.6, ${own}`,
        `warning: this machine resolves it to 127.0.0.1, ${own}`,
    ]);
});

test("an address at which the host is reached is the host's, also behind NAT", () => {
    expect(said(["203.0.113.5"], ["203.0.113.5"], { reachedAt: ["203.0.113.5"] })).toEqual([]);
    expect(said(["203.0.113.5"], undefined, { reachedAt: ["::ffff:203.0.113.5"] })).toEqual([]);
    expect(said(["203.0.113.6"], undefined, { reachedAt: ["203.0.113.5"], addresses: ["10.0.0.5"] })).toEqual([
        "warning: the host resolves it to 203.0.113.6, which is no address of the host (203.0.113.5, 10.0.0.5)",
    ]);
});

test("a name without a domain is said: nodes may complete it in another way", () => {
    const findings = (name: string, isOfHost = true) =>
        nameFindings(
            { names: new Map([[name, ["10.0.0.5"]]]), addresses: HOST },
            { here: new Map(), isHere: false, isOfHost },
        );
    expect(findings("registry")).toEqual([
        expect.objectContaining({ problem: expect.stringMatching(/^it has no domain: /) as string, isWarning: true }),
    ]);
    for (const name of [NAME, "localhost", "10.0.0.5", "2001:db8::5"]) expect(findings(name)).toEqual([]);
    expect(findings("registry", false)).toEqual([]);
});

test("a host that cannot look names up says nothing of them; this machine is still asked", () => {
    const { names } = parseMachineFacts("time=1000", { names: [NAME] });
    const views = { here: new Map([[NAME, []]]), isHere: false, isOfHost: true };
    expect(nameFindings({ names, addresses: HOST }, views).map(({ problem }) => problem)).toEqual([
        "this machine does not resolve it",
    ]);
});

test.each([
    ["gives two lines for each address", "printf '10.0.0.5 STREAM a\\n10.0.0.5 DGRAM\\n'", [[NAME, ["10.0.0.5"]]]],
    ["does not find it", "exit 2", [[NAME, []]]],
    ["fails in another way", "exit 3", []],
    ["is not installed", "exit 127", []],
])("what the script prints where getent %s", (_, getent, names) => {
    const script = [
        "set -eu",
        `getent() ( ${getent}; )`,
        ...machineScript({ directory: "/", names: [NAME] }),
        "echo completed",
    ].join("\n");
    const printed = execFileSync("sh", ["-c", script], { encoding: "utf8" });
    expect([...parseMachineFacts(printed, { names: [NAME] }).names]).toEqual(names);
    expect(printed).toMatch(/completed\n$/);
});

/** What the script finds about the directory, with these mount points in /etc/fstab, and units (name -> mount point). */
function foundOf(directory: string, points: readonly string[], units: Readonly<Record<string, string>> = {}) {
    const listed = Object.keys(units).map((name) => `'${name} enabled enabled'`);
    const shown = Object.entries(units).map(([name, place]) => `'${name}') echo '${place}';;`);
    const script = [
        "set -eu",
        `findmnt() ( printf '%s\\n' ${points.map((point) => `'${point}'`).join(" ")}; )`,
        `systemctl() { if [ "$1" = list-unit-files ]; then printf '%s\\n' ${listed.join(" ")}; else case "$4" in ${shown.join(" ")} *) return 1;; esac; fi; }`,
        `df() ( printf 'header\\n/dev/sda1 10 9 1024 90%% /mnt/my disk\\n'; )`,
        ...machineScript({ directory, names: [] }),
        "echo completed",
    ].join("\n");
    const printed = execFileSync("sh", ["-c", script], { encoding: "utf8" });
    expect(printed).toMatch(/completed\n$/);
    return parseMachineFacts(printed, { names: [] });
}

test("a disk of /etc/fstab that is not mounted is found at the directory and above it, and nowhere else", () => {
    const points = ["/", "none", "/data 1", "/data 1/registry", "/data 1/registry/storage", "/data", "/data 12"];
    const found = foundOf("/data 1/registry", points);
    expect(found).toMatchObject({ disk: 1024 ** 2, mountPoint: "/mnt/my disk" });
    expect(mountFindings(found, "/data 1/registry").map(({ problem }) => problem)).toEqual([
        "the disk for /data 1 is not mounted",
        "the disk for /data 1/registry is not mounted",
    ]);
    expect(foundOf("/proc/registry", ["/proc"]).unmounted).toEqual([]);
});

test("so is one of a unit of systemd, once, whatever its name is written like", () => {
    const units = { "data.mount": "/data", "data-my\\x2dregistry.mount": "/data/my-registry", "srv.mount": "/srv" };
    const found = foundOf("/data/my-registry", ["/data"], units);
    expect([...found.unmounted].sort()).toEqual(["/data", "/data/my-registry"]);
    expect(foundOf("/data", [], { "no such.mount": "/data" }).unmounted).toEqual([]);
});

test.each([
    [300, undefined],
    [301, "it is 5 minutes ahead of that of this machine"],
    [-3600, "it is 60 minutes behind that of this machine"],
    [7 * 3600, "it is 7 hours ahead of that of this machine"],
    [270_000, "it is 3 days ahead of that of this machine"],
])("a clock that is off by %d seconds", (off, problem) => {
    expect(clockFindings({ time: 1_000_000 + off }, 1_000_000_000)[0]?.problem).toBe(problem);
});

test("what a name leads to does not matter behind a load balancer, or where the host's addresses are not known", () => {
    expect(said(["10.0.0.6"], [], { isOfHost: false })).toEqual(["this machine does not resolve it"]);
    expect(said(["10.0.0.6"], ["10.0.0.6"], { addresses: [] })).toEqual([]);
});

test("facts that a host does not tell are not known", () => {
    const printed = [
        ...["time=1000", "disk=", "memory=", `name=${NAME} 10.0.0.5`, `name=${NAME} 2001:db8::5`, "address=10.0.0.5"],
        ...[`asked=${NAME}`, "asked=other"],
        'listen=LISTEN 0 511 [::]:443 [::]:* users:(("nginx",pid=812,fd=6),("nginx",pid=811,fd=6))',
        "listen=LISTEN 0 128 127.0.0.1:8443 0.0.0.0:*",
    ].join("\n");
    expect(parseMachineFacts(printed, { names: [NAME, "other"] })).toEqual({
        ...{
            time: 1000,
            disk: undefined,
            mountPoint: undefined,
            unmounted: [],
            memory: undefined,
            freeMemory: undefined,
            addresses: ["10.0.0.5"],
        },
        listeners: new Map([
            [443, { program: "nginx", pid: "812" }],
            [8443, { program: "an unknown program", pid: undefined }],
        ]),
        names: new Map([
            [NAME, ["10.0.0.5", "2001:db8::5"]],
            ["other", []],
        ]),
    });
});
