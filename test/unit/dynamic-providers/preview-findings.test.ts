import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PreviewFindings } from "../../../dynamic-providers/registry/preview-findings";

const [KEY, OTHER] = ["k".repeat(43), "o".repeat(43)];
const SUBJECT = { kind: "imageImport", state: { images: "a", credentials: { username: "u", password: "canary-77" } } };
let folder: string;
let now: number | undefined;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "findings "));
    now = 1000.25;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Those of one process of the command. */
const ofProcess = (key = KEY) => new PreviewFindings(`${key}:${folder}`, () => now);
const files = () => readdirSync(folder).map((name) => join(folder, name));

/** The file of a finding. */
function noted(): string {
    ofProcess().note(SUBJECT);
    const [file = "", ...others] = files();
    expect(others).toEqual([]);
    return file;
}

test("what one process notes, the other one finds, in whatever order the properties are", () => {
    noted();
    const { images, credentials } = SUBJECT.state;
    expect(ofProcess().has({ state: { credentials, images }, kind: "imageImport" })).toBe(true);
});

test.each([
    ["another value", { ...SUBJECT, state: { ...SUBJECT.state, images: "b" } }],
    ["one property more", { ...SUBJECT, more: 1 }],
    ["another kind", { ...SUBJECT, kind: "mirrorValidation" }],
])("%s is another subject", (_, other) => {
    noted();
    expect(ofProcess().has(other)).toBe(false);
});

test.each([
    [120, true],
    [120.01, false],
    [-0.01, false],
    [NaN, false],
])("after %d seconds it is found: %s", (age, isFound) => {
    noted();
    now = 1000.25 + age;
    expect(ofProcess().has(SUBJECT)).toBe(isFound);
});

test("without a clock that processes share nothing is noted, and nothing is found", () => {
    noted();
    now = undefined;
    expect(ofProcess().has(SUBJECT)).toBe(false);
    rmSync(folder, { recursive: true });
    expect(() => ofProcess().note(SUBJECT)).not.toThrow();
});

test("the clock of the machine is used where there is one", () => {
    const real = () => new PreviewFindings(`${KEY}:${folder}`);
    real().note(SUBJECT);
    expect(real().has(SUBJECT)).toBe(process.platform === "linux");
});

test("a write ends it for its own process and for every other one, and nothing is noted after it", () => {
    noted();
    const [writer, other] = [ofProcess(), ofProcess()];
    writer.forget();
    expect(other.has(SUBJECT)).toBe(false);
    for (const process of [writer, other]) process.note(SUBJECT);
    for (const process of [writer, other, ofProcess()]) expect(process.has(SUBJECT)).toBe(false);
});

test("a write ends it for its own process also where the files stay", () => {
    noted();
    const link = `${folder} link`;
    symlinkSync(folder, link);
    const writer = new PreviewFindings(`${KEY}:${link}`, () => now);
    expect(writer.has(SUBJECT)).toBe(true);
    writer.forget();
    symlinkSync(folder, link);
    expect([writer.has(SUBJECT), ofProcess().has(SUBJECT)]).toEqual([false, true]);
    rmSync(link);
});

test("a folder that cannot be removed is no reason to fail", () => {
    expect(() => new PreviewFindings(`${KEY}:${folder}\0`).forget()).not.toThrow();
});

test.each([
    ["empty", () => ""],
    ["cut off", (text: string) => text.slice(0, -1)],
    ["of another time", (text: string) => text.replace("1000.25", "1001.25")],
    ["two at once", (text: string) => `${text}${text}`],
    ["of something else", () => "2000 x"],
])("a file that is %s is no finding", (_, broken) => {
    const file = noted();
    writeFileSync(file, broken(readFileSync(file, "utf8")));
    now = 1001.5;
    expect(ofProcess().has(SUBJECT)).toBe(false);
});

test("a file of another command, or in the place of another finding, is none", () => {
    ofProcess(OTHER).note(SUBJECT);
    expect(ofProcess().has(SUBJECT)).toBe(false);
    const [foreign = ""] = files();
    const own = new PreviewFindings(`${KEY}:${folder}`, () => now);
    own.note({ ...SUBJECT, kind: "x" });
    const text = readFileSync(files().find((file) => file !== foreign) ?? "", "utf8");
    own.note(SUBJECT);
    expect(own.has(SUBJECT)).toBe(true);
    for (const file of files()) writeFileSync(file, text);
    expect(own.has(SUBJECT)).toBe(false);
});

test("processes that note the same at the same time leave one finding", () => {
    for (let process = 0; process < 3; process++) ofProcess().note(SUBJECT);
    expect(files()).toHaveLength(1);
    expect(ofProcess().has(SUBJECT)).toBe(true);
});

test("only its owner can read a finding, and no secret is in it", () => {
    const file = noted();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(`${file} ${readFileSync(file, "utf8")}`).not.toContain("canary-77");
});

test.each([undefined, "", "short:/tmp", KEY, `${KEY}:`])("with %j as the place nothing is noted or found", (place) => {
    const findings = new PreviewFindings(place, () => now);
    findings.note(SUBJECT);
    expect(findings.has(SUBJECT)).toBe(false);
    findings.forget();
});

test("a folder that cannot be written to is no reason to fail", () => {
    rmSync(folder, { recursive: true });
    expect(() => ofProcess().note(SUBJECT)).not.toThrow();
    expect(ofProcess().has(SUBJECT)).toBe(false);
});
