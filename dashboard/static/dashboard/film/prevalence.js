// What a decision is worth at the prevalence somebody types, as screening/worker/triage.py has it, without a request.

const section = document.querySelector("[data-worth]");
const pair = (name) => section.dataset[name].split(" ").map(Number);

/** Bayes' rule. */
function predictive([sensitivity, specificity], prevalence) {
  const positive = [sensitivity * prevalence, (1 - specificity) * (1 - prevalence)];
  const negative = [specificity * (1 - prevalence), (1 - sensitivity) * prevalence];
  return [positive, negative].map(([right, wrong]) => right / (right + wrong));
}

const percent = (share) => (Number.isNaN(share) ? "–" : (100 * share).toFixed(1).replace(/\.0$/, ""));

if (section) {
  const field = section.querySelector("[data-prevalence]");
  field.addEventListener("input", () => {
    const prevalence = field.valueAsNumber / 100;
    if (!(prevalence > 0 && prevalence < 1)) return;
    section.querySelector("[data-ppv]").textContent = percent(predictive(pair("high"), prevalence)[0]);
    section.querySelector("[data-npv]").textContent = percent(predictive(pair("low"), prevalence)[1]);
  });
  field.form.addEventListener("submit", (event) => event.preventDefault());
}
