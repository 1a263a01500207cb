# Reference answers for tests/evaluation/test_intervals.py and tests/evaluation/test_calibration.py, from R, run once by hand:
#   Rscript answers.R   (R 4.2.2, pROC 1.18.0, rms 6.5-0, boot 1.3-28.1)
suppressMessages({library(pROC); library(rms); library(boot)})
d <- read.csv("judged.csv")
out <- data.frame(name=character(), value=numeric())
put <- function(name, value) out[nrow(out) + 1, ] <<- list(name, value)
first <- roc(d$label, d$first, quiet=TRUE, direction="<"); second <- roc(d$label, d$second, quiet=TRUE, direction="<")
put("first_auc", auc(first)); put("second_auc", auc(second))
put("first_delong_variance", var(first, method="delong")); put("second_delong_variance", var(second, method="delong"))
put("delong_covariance", cov(first, second, method="delong"))
test <- roc.test(first, second, paired=TRUE, method="delong")
put("delong_z", test$statistic); put("delong_p", test$p.value)
put("first_delong_lower", ci.auc(first, method="delong")[1]); put("first_delong_upper", ci.auc(first, method="delong")[3])
for (name in c("first", "second")) {
  p <- d[[name]]; lp <- qlogis(p)
  fit <- lrm(d$label ~ lp)
  put(paste0(name, "_calibration_slope"), coef(fit)[2])
  put(paste0(name, "_calibration_intercept"), coef(glm(d$label ~ offset(lp), family=binomial))[1])
  v <- val.prob(p, d$label, pl=FALSE)
  put(paste0(name, "_brier"), v["Brier"])
  put(paste0(name, "_log_loss"), -mean(ifelse(d$label == 1, log(p), log(1 - p))))
}
right1 <- (d$first >= .5) == d$label; right2 <- (d$second >= .5) == d$label
only1 <- sum(right1 & !right2); only2 <- sum(!right1 & right2)
put("only_first_right", only1); put("only_second_right", only2)
put("mcnemar_exact_p", binom.test(only1, only1 + only2)$p.value)
h <- p.adjust(c(.01, .04, .03, .005), "holm"); for (i in 1:4) put(paste0("holm_", i), h[i])
# percentile bootstrap over patients, 20,000 replicates
patients <- unique(d$patient); rows <- split(seq_len(nrow(d)), d$patient)[patients]
figure <- function(ids, i) {
  s <- d[unlist(rows[ids[i]], use.names=FALSE), ]
  r <- rank(c(s$first)); n1 <- sum(s$label == 1); n0 <- sum(s$label == 0)
  auc <- (sum(r[s$label == 1]) - n1 * (n1 + 1) / 2) / (n1 * n0)
  called <- s$first >= .5
  r2 <- rank(s$second); auc2 <- (sum(r2[s$label == 1]) - n1 * (n1 + 1) / 2) / (n1 * n0)
  c(auc, mean(called[s$label == 1]), mean(!called[s$label == 0]), mean(called == s$label), mean((s$first - s$label)^2), auc - auc2)
}
set.seed(1); b <- boot(patients, figure, R=20000)
names <- c("auc_roc", "recall", "specificity", "accuracy", "brier", "auc_difference")
for (k in seq_along(names)) { q <- quantile(b$t[, k], c(.025, .975)); put(paste0("boot_", names[k], "_lower"), q[1]); put(paste0("boot_", names[k], "_upper"), q[2]) }
write.csv(out, "answers.csv", row.names=FALSE); print(out, digits=10)
