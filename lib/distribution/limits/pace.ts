/** Where the search begins at a host that is near. */
const FIRST_LEVEL = 4;
/** Requests that may wait in a queue on the way before more of them count as too many (TCP Vegas: alpha). */
const SLACK = 3;
/** Of what a higher level should bring, in proportion, so much must come: measurements scatter. */
const LEAST_GAIN = 0.3;
/** A level that was used by less than this was not tried. */
const FULL = 0.75;
/** A level is given up after so many answers for each request in flight. */
const ENOUGH = 3;
/** Milliseconds: what a clock can tell apart. */
const LEAST_TIME = 0.01;
/** Measured rounds between two tries; doubled by each that brought nothing. */
const FIRST_REST = 4;
const LONGEST_REST = 64;

/** One request that was answered in full. */
export interface Sample {
    /** What was asked: only requests of one name take equally long. */
    readonly name: string;
    /** Of its body. */
    readonly bytes: number;
    /** Milliseconds from its first byte to the end of the answer. */
    readonly took: number;
    /** Requests in flight when it was sent, itself among them. */
    readonly together: number;
    /** Its place in the order in which requests were sent, from 1. */
    readonly number: number;
}

/** A level and what was measured at it. */
interface Round {
    readonly level: number;
    readonly samples: readonly Sample[];
}

/**
 * Finds out how many requests of one kind are worth having in flight to a host, by what comes back alone. As TCP does, it
 * begins with a few (the more, the farther the host is) and doubles them for as long as more comes through; later it tries a
 * little more or less now and then.
 *
 * How long a request takes is compared with the shortest time that one of its name and size ever took (the round trip, or
 * its bytes at the best rate of a single one). So small and large bodies in one round say the same, a line that is full
 * shows as time without gain, and one whose connections are slow each shows as gain.
 */
export class Pace {
    private current: number;
    private first = FIRST_LEVEL;
    private rest = 1;
    private rounds = 0;
    private isUp = false;
    /** While levels are doubled, or one is tried: what it was before. */
    private before: Round | undefined;
    private state: "doubling" | "resting" | "trying" = "doubling";
    private samples: Sample[] = [];
    /** Requests up to this number were sent at another level. */
    private changedAt = 0;
    private readonly least = new Map<string, number>();
    private bestRate = 0;

    /** @param ceiling the most requests in flight, at least 1 */
    constructor(private ceiling: number) {
        this.current = Math.min(FIRST_LEVEL, ceiling);
    }

    /** Requests that may be in flight now, at least 1. */
    get level(): number {
        return this.current;
    }

    /** The most requests in flight from now on. */
    setCeiling(ceiling: number): void {
        this.ceiling = ceiling;
        this.current = Math.min(this.isNew ? this.first : this.current, ceiling);
    }

    /**
     * Where the search begins; without effect once it has begun.
     * @param distance of the host, in times of one that is near; below 1 counts as 1
     */
    beginAt(distance: number): void {
        this.first = Math.round(FIRST_LEVEL * Math.max(1, distance));
        if (this.isNew) this.current = Math.min(this.first, this.ceiling);
    }

    /** Neither searches nor changes any more: for measurements that compare it with a fixed level. */
    fix(level: number): void {
        this.current = level;
        this.state = "resting";
        this.rest = Infinity;
    }

    /**
     * A request was answered.
     * @param sent the number of the last request that was sent
     */
    note(sample: Sample, sent: number): void {
        this.learn(sample);
        if (sample.number <= this.changedAt) return;
        this.samples.push(sample);
        if (this.samples.length < this.wanted) return;
        const before = this.current;
        const isJudged = this.judge({ level: before, samples: this.samples });
        if (isJudged) this.samples = [];
        if (this.current !== before) this.changedAt = sent;
    }

    private get isNew(): boolean {
        return this.state === "doubling" && this.before === undefined;
    }

    private learn({ name, bytes, took }: Sample): void {
        const time = Math.max(took, LEAST_TIME);
        this.least.set(name, Math.min(this.least.get(name) ?? Infinity, time));
        this.bestRate = Math.max(this.bestRate, bytes / time);
    }

    /** Answers that make a round. The first ones of a new level are those whose connections stood already. */
    private get wanted(): number {
        return this.state === "doubling" ? Math.max(4, this.current / 2) : Math.max(8, this.current);
    }

    /** @returns false if more has to be measured at this level */
    private judge(round: Round): boolean {
        if (together(round) < round.level * FULL) {
            if (this.state === "trying" && this.before !== undefined) this.current = this.before.level;
            if (this.state === "trying") this.state = "resting";
            return true;
        }
        if (this.state === "doubling") return this.double(round);
        if (this.state === "trying") this.endTry(round);
        else this.mayTry(round);
        return true;
    }

    private double(round: Round): boolean {
        const { before } = this;
        if (before !== undefined && !this.isWorth(before, round)) {
            if (round.samples.length < ENOUGH * round.level) return false;
            // It was enough somewhere in between.
            this.current = Math.round(Math.sqrt(before.level * round.level));
            this.state = "resting";
            return true;
        }
        this.before = round;
        if (this.current === this.ceiling) this.state = "resting";
        else this.current = Math.min(this.ceiling, this.current * 2);
        return true;
    }

    private mayTry(round: Round): void {
        this.rounds++;
        if (this.rounds < this.rest) return;
        this.rounds = 0;
        this.isUp = this.queued(round) < SLACK || !this.isUp;
        const next = this.isUp
            ? Math.min(this.ceiling, this.current + Math.max(1, Math.floor(this.current / 4)))
            : Math.max(1, this.current - Math.max(1, Math.floor(this.current / 5)));
        if (next === this.current) return;
        this.before = round;
        this.current = next;
        this.state = "trying";
    }

    private endTry(round: Round): void {
        const { before } = this;
        this.state = "resting";
        if (before === undefined || this.isWorth(before, round)) {
            this.rest = 1;
            return;
        }
        this.current = before.level;
        this.rest = Math.min(LONGEST_REST, Math.max(FIRST_REST, this.rest * 2));
    }

    /** Whether more in flight have brought more, or fewer have cost next to nothing. */
    private isWorth(before: Round, now: Round): boolean {
        if (now.level > before.level && this.queued(now) < SLACK) return true;
        const expected = now.level / before.level - 1;
        const gain = this.useful(now) / this.useful(before) - 1;
        return gain >= expected * (expected > 0 ? LEAST_GAIN : 1 - 2 * LEAST_GAIN);
    }

    /** Requests in flight that would have been answered as soon alone: what came through, whatever the sizes were. */
    private useful(round: Round): number {
        return together(round) / middle(round.samples.map((sample) => this.slowdown(sample)));
    }

    /** Requests in flight that only waited for each other. */
    private queued(round: Round): number {
        return together(round) - this.useful(round);
    }

    /** How many times longer it took than it would have alone, as far as is known today. */
    private slowdown({ name, bytes, took }: Sample): number {
        const least = this.least.get(name) ?? LEAST_TIME;
        return took / (bytes === 0 ? least : Math.max(least, bytes / this.bestRate));
    }
}

/** Requests that were in flight in the mean. */
function together({ samples }: Round): number {
    return samples.reduce((sum, sample) => sum + sample.together, 0) / samples.length;
}

function middle(numbers: readonly number[]): number {
    const sorted = [...numbers].sort((a, b) => a - b);
    return Math.max(1, sorted[Math.floor((sorted.length - 1) / 2)] ?? 1);
}
