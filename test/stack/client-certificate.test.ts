import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { connectionForms } from "../../lib/redaction/redaction";
import { CommandLines } from "../support/canary";
import { type ServerCertificate, testAuthority } from "../support/certificates";
import { RegistryProcess } from "../support/registry-process";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";

/* A whole stack at a real registry that asks for client certificates. */

jest.setTimeout(300_000);

let site: TestSite;
let registry: RegistryProcess;
let client: ServerCertificate;
let renewed: ServerCertificate;
let processes: CommandLines;
/** State as it was stored at several times. */
const states: string[] = [];

beforeAll(async () => {
    processes = new CommandLines();
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
    const clients = await testAuthority("Client CA");
    client = await clients.issue({ names: [], commonName: "mirror" });
    renewed = await clients.issue({ names: [], commonName: "mirror" });
    registry = await RegistryProcess.start({
        ...{ tls: await site.authority.issue(), account: ACCOUNT, clientCa: clients.ca },
    });
    writeFileSync(join(site.folder, "client.pem"), client.certificate);
});

afterAll(async () => {
    processes.stop();
    await registry.stop();
    await site.remove();
});

const withCertificate = (changes: { cluster?: object } = {}) =>
    site.document({
        ...changes,
        registry: {
            mirrorBase: `${registry.host}/mirror`,
            clientCertificate: { certificateFile: join(site.folder, "client.pem") },
        },
    });

test("without a client certificate, up ends with an error that names host and keys", async () => {
    site.stack.configure(site.document({ registry: { mirrorBase: `${registry.host}/mirror` } }));
    const run = await site.stack.up();
    expect(run.code).not.toBe(0);
    expect(run.text).toContain(`CLIENT_CERTIFICATE_REQUIRED at ${registry.host}`);
    expect(run.text).toContain("set site.registry.clientCertificate and its private key, the secret clientKey");
});

test("a missing or wrong key is reported by the preview, together with other mistakes", async () => {
    site.stack.configure(withCertificate());
    expect((await site.stack.preview()).text).toContain("clientKey: it is not set; set it with: npm run pulumi");
    await site.stack.setConfig("clientKey", renewed.key, true);
    site.stack.configure(withCertificate({ cluster: { version: "four" } }));
    const { text } = await site.stack.preview();
    expect(text).toContain("clientKey: its value does not belong to the certificate CN=mirror");
    expect(text).toContain("site.cluster.version: ");
    site.stack.configure(withCertificate());
});

test("up imports and proves every image with the certificate, and a second up changes nothing", async () => {
    await site.stack.setConfig("clientKey", client.key, true);
    const first = await site.stack.up();
    expect(first).toMatchObject({ code: 0 });
    expect(await site.stack.passthrough("verify")).toMatchObject({ code: 0 });
    expect(await site.stack.passthrough("selftest")).toMatchObject({ code: 0 });
    const second = await site.stack.up("--expect-no-changes");
    expect(second).toMatchObject({ code: 0 });
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    states.push(await site.stack.state());
});

test("nodes get certificate, key and CA as MachineConfigs, a secret output; render writes the certificate only", async () => {
    const outputs = await site.stack.outputs();
    expect(outputs.clientCertificate).toBe(`${client.certificate.trim()}\n`);
    const configs = parseAllDocuments(outputs.clientMachineConfigs as string).map(
        (document) => document.toJS() as { spec: { config: { storage: { files: NodeFile[] } } } },
    );
    const folder = `/etc/containers/certs.d/${registry.host}`;
    const expected = {
        [`${folder}/ca.crt`]: `${site.authority.ca.trim()}\n`,
        [`${folder}/client.cert`]: `${client.certificate.trim()}\n`,
        [`${folder}/client.key`]: `${client.key.trim()}\n`,
    };
    expect(configs.map(({ spec }) => Object.fromEntries(spec.config.storage.files.map(pathAndText)))).toEqual([
        expected,
        expected,
    ]);
    const out = join(site.folder, "out");
    const rendered = await site.stack.passthrough("render", "--out", out, "--json");
    const { files } = JSON.parse(rendered.out) as { files: string[] };
    expect(files).toContain(join(out, "client.cert"));
    expect(files.filter((file) => file.includes("key"))).toEqual([]);
    rmSync(out, { recursive: true });
});

interface NodeFile {
    readonly path: string;
    readonly contents: { readonly source: string };
}

function pathAndText({ path, contents: { source } }: NodeFile): [string, string] {
    return [path, Buffer.from(source.replace(/^.*;base64,/, ""), "base64").toString("utf8")];
}

test("a renewed certificate needs nothing but today's configuration; a refresh without the program uses the former one", async () => {
    writeFileSync(join(site.folder, "client.pem"), renewed.certificate);
    await site.stack.setConfig("clientKey", renewed.key, true);
    const refreshed = await site.stack.refresh();
    expect(refreshed.text).not.toContain("error:");
    expect(refreshed.code).toBe(0);
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    states.push(await site.stack.state());
    expect(await site.stack.destroy()).toMatchObject({ code: 0 });
});

test("no key is in state, output or arguments", async () => {
    const forms = [client, renewed].flatMap(({ key }) => connectionForms({ key }));
    const places = [site.stack.printed, states.join("\n"), [...processes.seen].join("\n")];
    expect(places.map((text) => forms.filter((form) => text.includes(form)))).toEqual([[], [], []]);
    // The certificate itself is no secret: state has been looked at.
    expect(states.map((state) => state.includes("BEGIN CERTIFICATE"))).toEqual([true, true]);
    expect(site.stack.printed).toContain("6 images");
});
