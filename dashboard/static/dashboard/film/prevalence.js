/**
 * @file The predictive values of a film's page, computed while the user types a prevalence. The same arithmetic as in
 * `screening/worker/triage.py`, without a request.
 */
import { formatPercent } from "../shared/number-words.js";
import { readSettings } from "../shared/settings.js";

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
 * @param {HTMLElement} section holds the field and the two values
 */
function connectSection(section) {
  const field = /** @type {HTMLInputElement} */ (section.querySelector("[data-prevalence]"));
  /** @type {Record<"high" | "low", { sensitivity: number, specificity: number }>} */
  const { high, low } = readSettings("operating-point-performance");
  field.addEventListener("input", () => {
    const prevalence = field.valueAsNumber / 100;
    if (!(prevalence > 0 && prevalence < 1)) return;
    const { positive } = predictiveValues(high.sensitivity, high.specificity, prevalence);
    const { negative } = predictiveValues(low.sensitivity, low.specificity, prevalence);
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
