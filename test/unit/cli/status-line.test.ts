import { keepSecret } from "../../../cli/terminal/output";
import { statusLine } from "../../../cli/terminal/status-line";

const PASSWORD = "canary-password-8b21";

/** What is written to a terminal of 80 columns. */
function onTerminal(show: (status: ReturnType<typeof statusLine>) => void): string {
    let written = "";
    const stream = { isTTY: true, columns: 80, write: (text: string) => ((written += text), true) };
    const status = statusLine(stream as unknown as NodeJS.WriteStream, () => 1000);
    show(status);
    status.end();
    return written;
}

test("on a terminal a line replaces the one before, is cut to its width, and stays at the end", () => {
    expect(onTerminal((status) => status.show("x".repeat(100)))).toBe(`\r\u001b[K${"x".repeat(79)}\n`);
});

test("the password of an account in use is hidden, also where a registry repeats it and the line is cut inside of it", () => {
    keepSecret({ username: "pusher", password: PASSWORD });
    const written = onTerminal((status) => status.show(`${"waiting ".repeat(8)}: no ${PASSWORD}`));
    expect(written).toContain("no [secret]");
    expect(written).not.toContain(PASSWORD.slice(0, 6));
});
