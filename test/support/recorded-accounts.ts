/** Facts of robot accounts that each run gives anew, by the key that state holds them under. */
const FACTS = ["id", "createdAt", "expiresAt", "retiredAt", "validUntil"] as const;

/**
 * Robot accounts in a stack's state. A recorded state names what a registry gave them (ids, times, secrets); at another
 * registry the same accounts have other ones, so the recorded text has placeholders: "(createdAt of mirror+puller-1)".
 */
export class RecordedAccounts {
    private readonly values = new Map<string, string>();

    /** @param state of the stack that is there now, with its secrets in the clear */
    constructor(state: string) {
        walk(JSON.parse(state), (object) => this.collect(object));
    }

    /** The state with placeholders in place of what a registry gave. */
    record(state: string): string {
        const document: unknown = JSON.parse(state);
        walk(document, (object) => {
            for (const key of FACTS) {
                const place = placeholder(key, object);
                if (place !== undefined) object[key] = place;
            }
        });
        const texts = [...this.values].filter(([place]) => !FACTS.some((key) => place.startsWith(`(${key} of`)));
        return texts.reduce(
            (text, [place, value]) => text.replaceAll(value, place),
            `${JSON.stringify(document, undefined, 4)}\n`,
        );
    }

    /** A recorded state with what the accounts of the same names have here. */
    recall(recorded: string): string {
        return recorded.replace(/\((?:\w+) of [^()]+\)/g, (place) => {
            const value = this.values.get(place);
            if (value === undefined) throw new Error(`the stack that is there has nothing for ${place}`);
            return value;
        });
    }

    private collect(object: Properties): void {
        for (const key of FACTS) {
            const place = placeholder(key, object);
            if (place !== undefined) this.values.set(place, String(object[key]));
        }
        const { instance, plaintext } = object;
        if (typeof instance === "string") this.values.set("(instance of the stack)", instance);
        if (typeof plaintext === "string") this.collectLogin(JSON.parse(plaintext));
    }

    /** Robot accounts' secrets are as random as their base64 forms: neither can be part of another text. */
    private collectLogin(secret: unknown): void {
        const { username, password } = (secret ?? {}) as Record<string, unknown>;
        if (typeof username !== "string" || typeof password !== "string" || !username.includes("+")) return;
        this.values.set(`(password of ${username})`, password);
        this.values.set(`(login of ${username})`, Buffer.from(`${username}:${password}`).toString("base64"));
    }
}

type Properties = Record<string, unknown>;

/** Of an account with this fact; undefined for any other object. */
function placeholder(key: string, object: Properties): string | undefined {
    const account = object.username ?? object.name;
    const isAccount = typeof account === "string" && /(^|\+)(importer|puller)-\d+$/.test(account);
    return isAccount && typeof object[key] === "string" ? `(${key} of ${account})` : undefined;
}

function walk(value: unknown, visit: (object: Properties) => void): void {
    if (typeof value !== "object" || value === null) return;
    if (!Array.isArray(value)) visit(value as Properties);
    for (const inner of Object.values(value)) walk(inner, visit);
}
