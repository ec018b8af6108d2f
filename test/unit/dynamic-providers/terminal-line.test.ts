import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type Server, type Socket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ResourceLog } from "../../../dynamic-providers/lifecycle/engine";
import { TerminalLine } from "../../../dynamic-providers/lifecycle/terminal-line";

let folder: string;
let path: string;
let server: Server;
/** What the script that draws has received. */
let received: string;
/** What it does when a row ends. */
let onEnd: (socket: Socket) => void;

beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "line "));
    path = join(folder, "progress");
    received = "";
    onEnd = (socket) => socket.end();
    server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on("data", (chunk: Buffer) => (received += chunk.toString("utf8")));
        socket.on("end", () => {
            received += "(end)";
            onEnd(socket);
        });
    });
    server.listen(path);
    await once(server, "listening");
});

afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
});

test("progress is shown with the resource's name and without secrets, and erased before the operation is over", async () => {
    const secrets = () => ["canary-5d1f"];
    const log = new ResourceLog("urn", { secrets, terminalLine: new TerminalLine("set1", path) });
    log.status("1% of canary-5d1f");
    log.status("two\nlines");
    await log.flushed();
    expect(received).toBe("set1: 1% of [secret]\nset1: two lines\n(end)");
    log.status("a second time");
    await log.flushed();
    expect(received).toMatch(/\(end\)set1: a second time\n\(end\)$/);
});

test.each([
    ["no script that draws", undefined],
    ["a script that has ended", "/nowhere/progress"],
])("with %s an operation goes on", async (_, nowhere) => {
    const line = new TerminalLine("set1", nowhere);
    line.show("1%");
    await new Promise((resolve) => setImmediate(resolve));
    line.show("2%");
    await line.erase();
    expect(received).toBe("");
});

test("an operation does not wait for a script that is stopped", async () => {
    const open: Socket[] = [];
    onEnd = (socket) => open.push(socket);
    const line = new TerminalLine("set1", path);
    line.show("1%");
    await line.erase();
    expect(received).toBe("set1: 1%\n(end)");
    for (const socket of open) socket.destroy();
});
