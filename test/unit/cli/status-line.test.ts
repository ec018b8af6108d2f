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

test("while nothing moves, the line says for how long; a wait that moves it ends that", () => {
    jest.useFakeTimers();
    try {
        let written = "";
        const stream = { isTTY: true, columns: 80, write: (text: string) => ((written += text), true) };
        const status = statusLine(stream as unknown as NodeJS.WriteStream);
        status.show("3 of 40 images");
        jest.advanceTimersByTime(9_000);
        expect(written).not.toContain("nothing moved");
        jest.advanceTimersByTime(21_000);
        expect(written.split("\r\u001b[K").at(-1)).toBe("3 of 40 images; nothing moved for 30 s");
        status.show("4 of 40 images");
        jest.advanceTimersByTime(5_000);
        expect(written.split("\r\u001b[K").at(-1)).toBe("4 of 40 images");
        status.end();
        jest.advanceTimersByTime(60_000);
        expect(written.endsWith("4 of 40 images\n")).toBe(true);
    } finally {
        jest.useRealTimers();
    }
});

test("without a terminal that is a line each ten seconds", () => {
    jest.useFakeTimers();
    const lines: string[] = [];
    const stderr = jest.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0);
    try {
        const status = statusLine({ isTTY: false } as unknown as NodeJS.WriteStream);
        status.show("3 of 40 images");
        jest.advanceTimersByTime(30_000);
        status.end();
    } finally {
        stderr.mockRestore();
        jest.useRealTimers();
    }
    expect(lines).toEqual([10, 20, 30].map((seconds) => `3 of 40 images; nothing moved for ${seconds} s\n`));
});

test("the password of an account in use is hidden, also where a registry repeats it and the line is cut inside of it", () => {
    keepSecret({ username: "pusher", password: PASSWORD });
    const written = onTerminal((status) => status.show(`${"waiting ".repeat(8)}: no ${PASSWORD}`));
    expect(written).toContain("no [secret]");
    expect(written).not.toContain(PASSWORD.slice(0, 6));
});
