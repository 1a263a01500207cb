// From a probability to a decision; the same as the Python room deployment.decision.

const CLIP = 1e-7;
const kept = probability => Math.min(Math.max(probability, CLIP), 1 - CLIP);

export const logit = probability => Math.log(kept(probability) / (1 - kept(probability)));
export const logistic = odds => 1 / (1 + Math.exp(-odds));

export function decide(probability, { threshold, band, slope, intercept }) { // a band of null: all are referred
  return {
    probability,
    calibrated: kept(logistic(slope * logit(probability) + intercept)),
    decision: probability >= threshold ? "pneumonia" : "normal",
    unsure: band === null || Math.abs(logit(probability) - logit(threshold)) < band,
  };
}

export function averageViews(probabilities, of) { // over test views: of probabilities or of logits
  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
  return of === "logit" ? logistic(mean(probabilities.map(logit))) : mean(probabilities);
}
