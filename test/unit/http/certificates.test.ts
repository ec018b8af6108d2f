import { X509Certificate } from "node:crypto";
import { certificateChangeLines, certificatesIn, compareCertificates } from "../../../lib/http/certificates";
import { type TestAuthority, testAuthority } from "../../support/certificates";

let former: TestAuthority;
let current: TestAuthority;

beforeAll(async () => {
    [former, current] = await Promise.all([testAuthority("Former CA"), testAuthority("Current CA")]);
});

const facts = (pem: string) => {
    const { validTo, fingerprint256 } = new X509Certificate(pem);
    return `expires on ${new Date(validTo).toISOString().slice(0, 10)}, SHA-256 ${fingerprint256}`;
};

test("a certificate that was added or removed is named with subject, expiry and fingerprint", () => {
    const change = compareCertificates(former.ca, current.ca);
    expect(certificateChangeLines(change)).toEqual([
        `+ CN=Current CA, ${facts(current.ca)}`,
        `- CN=Former CA, ${facts(former.ca)}`,
    ]);
    expect(certificateChangeLines(compareCertificates(undefined, former.ca))).toHaveLength(1);
});

test("order, comments and line breaks are no change", () => {
    const [one, two] = [former.ca, current.ca];
    const rewritten = `# Current\r\n${two.replaceAll("\n", "\r\n")}\r\n# Former\n${one}`;
    expect(compareCertificates(`${one}\n${two}`, rewritten)).toEqual({ added: [], removed: [] });
});

test("a private key in the file goes nowhere", async () => {
    const { key } = await former.issue();
    expect(certificatesIn(`${key}\n${former.ca}\n# comment\n`)).toBe(`${former.ca.trim()}\n`);
});
