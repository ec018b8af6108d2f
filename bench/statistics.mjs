/** @param {readonly number[]} values at least one @returns {number} */
export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Ratios of two contenders round by round: what slows the machine in a round slows both.
 *
 * @param {readonly number[]} left seconds by round
 * @param {readonly number[]} right
 * @returns {{median: number, least: number, greatest: number}} left over right
 */
export function pairedRatio(left, right) {
    const ratios = left.map((value, round) => value / right[round]);
    return { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) };
}
