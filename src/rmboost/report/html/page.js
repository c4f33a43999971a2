// The filter over the pairs that are shown. What a pair has is in the data- attributes of its article.
const form = document.querySelector("form");
const articles = [...document.querySelectorAll("article")];
const fits = (article) =>
  [...form.querySelectorAll("select")].every(
    (select) => !select.value || JSON.parse(article.dataset[select.name]).includes(JSON.parse(select.value)),
  );
const show = () => {
  articles.forEach((article) => (article.hidden = !fits(article)));
  const shown = articles.filter((article) => !article.hidden).length;
  form.querySelector("output").value = `${shown} of ${articles.length} shown`;
};
if (form) {
  form.hidden = false;
  form.addEventListener("change", show);
  form.addEventListener("reset", () => setTimeout(show));
  show();
}
