import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PreviewFindings } from "../../../dynamic-providers/registry/preview-findings";

const [KEY, OTHER] = ["k".repeat(43), "o".repeat(43)];
const SUBJECT = { kind: "imageImport", state: { images: "a", credentials: { username: "u", password: "canary-77" } } };
let folder: string;
/** Seconds since the machine was started, and of the day. */
let now: [number, number] | undefined;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "findings "));
    now = [1000.25, 5000.25];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Those of one process of the command. */
const ofProcess = (key = KEY) => new PreviewFindings(`${key}:${folder}`, () => now);
const files = () => readdirSync(folder).map((name) => join(folder, name));

/** The file of a finding. */
function noted(): string {
    ofProcess().note(SUBJECT);
    const [file = "", ...others] = files().filter((path) => !path.endsWith(".txt"));
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
    [120, 120, true],
    [120.01, 0, false],
    // The virtual machine was paused.
    [0, 120.01, false],
    [-0.01, 0, false],
    // The clock was put back.
    [0, -0.01, false],
    [NaN, 0, false],
])("after %d seconds of the machine and %d of the day it is found: %s", (since, ofDay, isFound) => {
    noted();
    now = [1000.25 + since, 5000.25 + ofDay];
    expect(ofProcess().has(SUBJECT)).toBe(isFound);
});

test("the two minutes begin before the preview looks, however long it takes", () => {
    const preview = ofProcess();
    now = [1100.25, 5100.25];
    preview.note(SUBJECT);
    expect(ofProcess().has(SUBJECT)).toBe(true);
    now = [1120.5, 5120.5];
    expect(ofProcess().has(SUBJECT)).toBe(false);
});

test("without a clock that processes share nothing is noted, and nothing is found", () => {
    noted();
    now = undefined;
    expect(ofProcess().has(SUBJECT)).toBe(false);
    ofProcess().note({ ...SUBJECT, kind: "x" });
    expect(files()).toHaveLength(1);
});

test("another program's updates look for themselves", () => {
    const place = `${KEY}:${folder}`;
    PreviewFindings.ofCommand(false, place).note(SUBJECT);
    expect(files()).toEqual([]);
    PreviewFindings.ofCommand(true, place).note(SUBJECT);
    expect(files()).toHaveLength(process.platform === "linux" ? 1 : 0);
});

test("a folder that holds anything else keeps it", () => {
    writeFileSync(join(folder, "notes.txt"), "x");
    noted();
    ofProcess().forget();
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
});

test("what was found a moment ago is found, whatever is rounded", () => {
    now = [1000.257, 5000.2579];
    noted();
    expect(ofProcess().has(SUBJECT)).toBe(true);
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
    const file = noted();
    const text = readFileSync(file, "utf8");
    const writer = ofProcess();
    expect(writer.has(SUBJECT)).toBe(true);
    writer.forget();
    mkdirSync(folder);
    writeFileSync(file, text);
    expect([writer.has(SUBJECT), ofProcess().has(SUBJECT)]).toEqual([false, true]);
});

test("a folder that cannot be removed is no reason to fail", () => {
    expect(() => new PreviewFindings(`${KEY}:${folder}\0`).forget()).not.toThrow();
});

test.each([
    ["empty", () => ""],
    ["cut off", (text: string) => text.slice(0, -1)],
    ["of another time", (text: string) => text.replace("1000.25", "1001.25")],
    ["of another time of day", (text: string) => text.replace("5000.25", "5001.25")],
    ["of one clock", (text: string) => text.replace("-5000.25", "")],
    ["two at once", (text: string) => `${text}${text}`],
    ["of something else", () => "2000 x"],
])("a file that is %s is no finding", (_, broken) => {
    const file = noted();
    writeFileSync(file, broken(readFileSync(file, "utf8")));
    now = [1001.5, 5001.5];
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
