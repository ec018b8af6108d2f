import { RegistryError } from "../../lib/errors/errors";

/** The error that the work ends with. @throws Error if it ends otherwise, or the error shows one of these secrets */
export async function registryFailure(work: Promise<unknown>, secrets: Iterable<string>): Promise<RegistryError> {
    const error: unknown = await work.then(
        () => undefined,
        (thrown: unknown) => thrown,
    );
    if (!(error instanceof RegistryError)) throw new Error(`no RegistryError: ${String(error)}`);
    for (const secret of secrets) {
        if (error.message.includes(secret)) throw new Error("the error shows a secret");
    }
    return error;
}

/** A fake whose answers a test may replace; undefined leaves the answer to it. */
interface Disturbed<Reply> {
    disturb: (method: string, path: string) => Reply | "drop" | undefined;
}

/** Replaces the answer to the first request of this kind; later ones are the fake's. */
export function disturbOnce<Reply>(fake: Disturbed<Reply>, method: string, path: RegExp, reply: Reply | "drop"): void {
    let isOver = false;
    fake.disturb = (verb, where) => {
        if (isOver || verb !== method || !path.test(where)) return undefined;
        isOver = true;
        return reply;
    };
}

/** What a sign-in page or a proxy answers in the registry's place. */
export const html = (status: number) => ({
    status,
    text: "<html>sign in</html>",
    headers: { "content-type": "text/html" },
});
