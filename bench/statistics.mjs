/** @param {readonly number[]} values at least one @returns {number} */
export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (sorted.length - 1) / 2;
    const [lower, upper] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
    if (lower === undefined || upper === undefined) throw new Error("there is no median of no values");
    return (lower + upper) / 2;
}

/**
 * Ratios of two contenders round by round: what slows the machine in a round slows both.
 *
 * @param {readonly number[]} left seconds by round
 * @param {readonly number[]} right
 * @returns {{median: number, least: number, greatest: number}} left over right
 */
export function pairedRatio(left, right) {
    const ratios = byRound(left, right, (a, b) => a / b);
    return { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) };
}

/**
 * Two contenders, round by round.
 *
 * @param {readonly number[]} left a value per round
 * @param {readonly number[]} right as many
 * @param {(left: number, right: number) => number} combine
 * @returns {number[]}
 */
export function byRound(left, right, combine) {
    return left.map((value, round) => {
        const other = right[round];
        if (other === undefined) throw new Error(`round ${round + 1} was measured for one of the contenders only`);
        return combine(value, other);
    });
}
