/**
 * @file The predictive values of a film's page, computed while the user types a prevalence. The same arithmetic as in
 * `screening/worker/triage.py`, without a request.
 */
import { formatPercent } from "../shared/number-words.js";

/**
 * Compute the predictive values by Bayes' rule.
 * @param {number} sensitivity 0 to 1
 * @param {number} specificity 0 to 1
 * @param {number} prevalence 0 to 1
 * @returns {{ positive: number, negative: number }} each 0 to 1, or NaN where no film gets that decision
 */
export function predictiveValues(sensitivity, specificity, prevalence) {
  const truePositive = sensitivity * prevalence;
  const falsePositive = (1 - specificity) * (1 - prevalence);
  const trueNegative = specificity * (1 - prevalence);
  const falseNegative = (1 - sensitivity) * prevalence;
  return {
    positive: truePositive / (truePositive + falsePositive),
    negative: trueNegative / (trueNegative + falseNegative),
  };
}

/**
 * Show the predictive values of the typed prevalence.
 * @param {HTMLElement} section holds the field, the two values, and sensitivity and specificity at both thresholds
 */
function connectSection(section) {
  const field = /** @type {HTMLInputElement} */ (section.querySelector("[data-prevalence]"));
  const atThreshold = (/** @type {string} */ name) => (section.dataset[name] ?? "").split(" ").map(Number);
  field.addEventListener("input", () => {
    const prevalence = field.valueAsNumber / 100;
    if (!(prevalence > 0 && prevalence < 1)) return;
    const [[highSensitivity, highSpecificity], [lowSensitivity, lowSpecificity]] = ["high", "low"].map(atThreshold);
    const { positive } = predictiveValues(highSensitivity, highSpecificity, prevalence);
    const { negative } = predictiveValues(lowSensitivity, lowSpecificity, prevalence);
    write("[data-ppv]", positive);
    write("[data-npv]", negative);
  });
  field.form?.addEventListener("submit", (event) => event.preventDefault());

  function write(/** @type {string} */ selector, /** @type {number} */ share) {
    const element = section.querySelector(selector);
    if (element) element.textContent = formatPercent(share);
  }
}

const section = document.querySelector("[data-worth]");
if (section instanceof HTMLElement) connectSection(section);
