// For a shop's page on another origin: follow a payment and be told, or be told why not. Never silent, never for ever.
//
//   const stop = payflowFollow({
//     url: "https://pay.example.com/checkout/<token>",   // the payment's checkout link
//     onStatus: (told) => { ... },                       // {status, outcome, settled, ...}, whenever it changes
//     onError: (problem) => { ... },                     // {code, message}, whenever it cannot be followed
//     element: document.querySelector("#payment"),       // optional: says the same in words
//   });
//
// Codes: LISTENER_MISSING, ADDRESS_MISSING, NO_ANSWER (network, or this origin is not among the checkout's allowed ones),
// NOT_FOUND, BAD_ANSWER, GAVE_UP (not settled within `forSeconds`, an hour unless given).
window.payflowFollow = ({ url, onStatus, onError, element = null, everySeconds = 3, forSeconds = 3600, credentials = "include" } = {}) => {
  let stopped = false, known = null, timer = null;
  const until = Date.now() + forSeconds * 1000;

  const complain = (code, message) => {
    console.error(`payflow: ${code}: ${message}`);
    if (element) { element.textContent = message; element.dataset.problem = code; }
    if (typeof onError === "function") onError({ code, message });
  };
  const stop = () => { stopped = true; clearTimeout(timer); };

  if (typeof onStatus !== "function") { complain("LISTENER_MISSING", "Nobody listens: onStatus is not a function."); return stop; }
  if (typeof url !== "string" || !url) { complain("ADDRESS_MISSING", "There is no address of a payment to follow."); return stop; }

  const look = async () => {
    if (stopped) return;
    try {
      const answer = await fetch(`${url.replace(/\/$/, "")}/status`, { cache: "no-store", credentials, signal: AbortSignal.timeout(8000) });
      if (answer.status === 404) { complain("NOT_FOUND", "There is no such payment."); return stop(); }
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      let told;
      try { told = await answer.json(); } catch { complain("BAD_ANSWER", "The answer could not be read."); return again(); }
      if (typeof told?.stamp !== "string") { complain("BAD_ANSWER", "The answer says nothing of a payment."); return again(); }
      if (element) delete element.dataset.problem;
      if (told.stamp !== known) { known = told.stamp; onStatus(told); }
      if (told.settled) return stop();
    } catch (error) {
      complain("NO_ANSWER", `No answer (${error.message}). Is this page's origin allowed by the checkout? It is tried again.`);
    }
    again();
  };
  const again = () => {
    if (stopped) return;
    if (Date.now() > until) { complain("GAVE_UP", "The payment was not settled in time."); return stop(); }
    timer = setTimeout(look, everySeconds * 1000);
  };
  look();
  return stop;
};
