import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectionForms } from "../../lib/redaction/redaction";
import { type ServerCertificate, testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";

/* The command line at a real registry that asks for client certificates. */

jest.setTimeout(120_000);

let site: CommandSite;
let client: ServerCertificate;
let foreign: ServerCertificate;

beforeAll(async () => {
    const authority = await testAuthority("Client CA");
    client = await authority.issue({ names: [], commonName: "mirror" });
    foreign = await (await testAuthority()).issue({ names: [], commonName: "mirror" });
    site = await CommandSite.createWith({ clientCa: authority.ca }, "with-mapping");
    const files = { "client.pem": client.certificate, "client.key": client.key, "foreign.pem": foreign.certificate };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(site.folder, name), text, { mode: 0o600 });
});

afterAll(() => site.remove());

const withCertificate = { clientCertificate: { certificateFile: "client.pem" } };
const KEY = "REGISTRY_PASSTHROUGH_CLIENT_KEY";

test("without a certificate, doctor and the other commands name host and keys", async () => {
    site.configure({});
    const doctor = await site.run("doctor");
    expect(doctor).toMatchObject({ code: 78 });
    const problem = `${site.registry.host} asks for a client certificate, and none was sent; set site.registry.clientCertificate`;
    expect(doctor.out).toContain(`greeting       FAILED CLIENT_CERTIFICATE_REQUIRED at ${site.registry.host}`);
    expect(doctor.out).toContain(problem);
    for (const command of ["plan", "import", "verify"]) {
        const run = await site.run(command);
        expect(run).toMatchObject({ code: 78 });
        expect(run.error).toContain(problem);
    }
});

test("each command reaches the registry with the key of the environment, or of a file", async () => {
    site.configure(withCertificate);
    expect(await site.runWith({ [KEY]: client.key }, "doctor")).toMatchObject({ code: 0 });
    const fromFile = { [`${KEY}_FILE`]: join(site.folder, "client.key") };
    expect(await site.runWith(fromFile, "plan")).toMatchObject({ code: 0 });
    site.configure({ clientCertificate: { certificateFile: "client.pem", keyFile: "client.key" } });
    expect(await site.run("import")).toMatchObject({ code: 0 });
    expect(await site.run("verify")).toMatchObject({ code: 0 });
});

test("a certificate that the registry does not trust is rejected by name, also by doctor", async () => {
    site.configure({ clientCertificate: { certificateFile: "foreign.pem" } });
    const run = await site.runWith({ [KEY]: foreign.key }, "doctor");
    expect(run).toMatchObject({ code: 78 });
    expect(run.out).toContain(`${site.registry.host} rejected the client certificate; give a certificate`);
});

test("a key that does not belong to the certificate, or is missing, stops a command before the first request", async () => {
    site.configure(withCertificate);
    site.registry.forget();
    const wrong = await site.runWith({ [KEY]: foreign.key }, "plan");
    expect(wrong.error).toContain(`${KEY}: its value does not belong to the certificate CN=mirror`);
    const missing = await site.run("plan");
    expect(missing.error).toContain("there is no private key for site.registry.clientCertificate");
    expect(missing.error).toContain(`or name its file in site.registry.clientCertificate.keyFile or ${KEY}_FILE`);
    const unreadable = await site.runWith({ [`${KEY}_FILE`]: "gone.key" }, "plan");
    expect(unreadable.error).toContain(`name a file that this user may read in ${KEY}_FILE`);
    expect([wrong.code, missing.code, unreadable.code]).toEqual([78, 78, 78]);
    expect(site.registry.accesses()).toEqual([]);
});

test("no command printed a key", () => {
    const forms = [client, foreign].flatMap(({ key }) => connectionForms({ key }));
    expect(forms.length).toBeGreaterThan(8);
    expect(forms.filter((form) => site.said.includes(form))).toEqual([]);
    expect(readFileSync(join(site.folder, "client.key"), "utf8")).toBe(client.key);
});
