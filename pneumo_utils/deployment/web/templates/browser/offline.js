// Keeps the page in the browser, so that it opens without a connection. Resolves once all of it is kept.

function arrive(registration) {
  return new Promise((kept, failed) => {
    if (registration.active) return kept();
    const coming = registration.installing ?? registration.waiting;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "redundant") failed(new Error("a file is missing or altered, or there is no room"));
    });
    navigator.serviceWorker.addEventListener("controllerchange", () => kept(), { once: true });
    return undefined;
  });
}

export async function keepOffline() { // a sentence
  if (!("serviceWorker" in navigator)) return "This browser keeps no pages: it needs a connection each time.";
  try {
    const registration = await navigator.serviceWorker.register("service_worker.js", { updateViaCache: "none" });
    await arrive(registration);
    if (registration.waiting) return "A newer version is kept: close this page everywhere and open it again.";
    return "From now on this page works without a connection.";
  } catch (error) {
    return `This page could not be kept for use without a connection: ${error.message}.`;
  }
}
