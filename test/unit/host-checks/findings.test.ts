import { nameFindings, parseMachineFacts } from "../../../lib/host-checks";

const NAME = "registry.site-a.test";
const HOST = ["127.0.0.1", "10.0.0.5", "2001:db8::5"];

/** What is said when the host and this machine resolve the name to these addresses; undefined: not known. */
function said(
    onHost: readonly string[],
    here: readonly string[] | undefined,
    options: { readonly isHere?: boolean; readonly isOfHost?: boolean; readonly addresses?: readonly string[] } = {},
): string[] {
    const { isHere = false, isOfHost = true, addresses = HOST } = options;
    const seen = new Map(here === undefined ? [] : [[NAME, here]]);
    const machine = { names: new Map([[NAME, onHost]]), addresses };
    return nameFindings(machine, { here: seen, isHere, isOfHost }).map(({ problem }) => problem);
}

test("a name that the host and this machine resolve to the host is fine", () => {
    expect(said(["10.0.0.5"], ["10.0.0.5"])).toEqual([]);
    expect(said(["127.0.1.1"], ["192.0.2.1", "2001:db8::5"])).toEqual([]);
    expect(said(["::ffff:10.0.0.5"], undefined)).toEqual([]);
    expect(said(["10.0.0.5"], ["127.0.0.1"], { isHere: true })).toEqual([]);
});

test("a name that one of them does not resolve, or to something else, is said with what it is", () => {
    expect(said([], [])).toEqual(["the host does not resolve it", "this machine does not resolve it"]);
    expect(said(["10.0.0.6"], ["127.0.0.1"])).toEqual([
        "the host resolves it to 10.0.0.6, which is no address of the host",
        "this machine resolves it to 127.0.0.1, which is no address of the host",
    ]);
});

test("what a name leads to does not matter behind a load balancer, or where the host's addresses are not known", () => {
    expect(said(["10.0.0.6"], [], { isOfHost: false })).toEqual(["this machine does not resolve it"]);
    expect(said(["10.0.0.6"], ["10.0.0.6"], { addresses: [] })).toEqual([]);
});

test("facts that a host does not tell are not known", () => {
    const printed = [
        ...["time=1000", "disk=", "memory=", `name=${NAME} 10.0.0.5`, `name=${NAME} 2001:db8::5`, "address=10.0.0.5"],
        'listen=LISTEN 0 511 [::]:443 [::]:* users:(("nginx",pid=812,fd=6),("nginx",pid=811,fd=6))',
        "listen=LISTEN 0 128 127.0.0.1:8443 0.0.0.0:*",
    ].join("\n");
    expect(parseMachineFacts(printed, { names: [NAME, "other"] })).toEqual({
        ...{ time: 1000, disk: undefined, memory: undefined, freeMemory: undefined, addresses: ["10.0.0.5"] },
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
