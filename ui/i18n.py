"""What the page says, in English and Chinese; the answers themselves come from the agent and the catalogue.

The server sends the chat page what to say as a key with its arguments (`words`), and each browser reads it in its
language. The owner's page, whose tables and plots are Gradio's, is written in it by the server (`sayer`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ui.nothing import ALL_HAD, FILTERED, NO_ITEMS
from ui.owner_texts import OWNER_TEXTS

if TYPE_CHECKING:
    import gradio as gr

Text = str | Mapping[str, Any] | Sequence[Any]
"""A text as it is, a key with arguments as `words` makes it, or several of these."""
Say = Callable[..., str]
"""Says what a page says under a key, with arguments, in one language."""

TEXTS: dict[str, tuple[str, str]] = {
    # the frame
    "you_are": ("You are", "身份"),
    "a_guest": ("a guest", "访客"),
    "new_chat": ("New chat", "新对话"),
    "log_out": ("Log out", "退出登录"),
    "your_wish": ("Your wish", "你的愿望"),
    "describe_it": ("Describe it, or paste a picture", "描述一下，或粘贴图片"),
    "filter": ("Filter", "筛选"),
    "filter_hint": ("such as {example}", "例如 {example}"),
    "filter_stands": (
        "The filter counts too: {where}. Without it there would be something.",
        "筛选条件也算在内：{where}。去掉它就会有结果。",
    ),
    "filter_on": ("Filter on {names}", "可筛选：{names}"),
    "shade": ("Switch between light and dark", "切换浅色与深色"),
    "conversation": ("Conversation", "对话"),
    "welcome": ("Welcome", "欢迎"),
    "examples": ("Examples", "示例"),
    "headline": ("What are you looking for?", "你在找什么？"),
    "invitation": (
        "Say it in your own words, or show a picture. {count} things to choose from.",
        "用自己的话说，或者给一张图片。共有 {count} 件可选。",
    ),
    "invitation_one": (
        "Say it in your own words, or show a picture. 1 thing to choose from.",
        "用自己的话说，或者给一张图片。共有 1 件可选。",
    ),
    "surprise": ("Surprise me", "给我惊喜"),
    "close": ("Close", "关闭"),
    "picture": ("Picture", "图片"),
    "your_picture": ("Your picture", "你的图片"),
    "comma": (", ", "、"),
    # a turn
    "as_user": ("as {user}", "身份：{user}"),
    "waiting": ("Others are being served; one moment…", "前面还有人，请稍候…"),
    "waiting_next": ("Others are being served; you are next in line…", "前面还有人，下一个就是你…"),
    "waiting_place": ("Others are being served; you are number {place} in line…", "前面还有人，你排在第 {place} 位…"),
    "after_above": ("I read this after the answer above…", "先回答上面的，再看这一条…"),
    "stage_understand": ("Reading what you wrote…", "正在理解…"),
    "stage_why": ("Trying out what its place hangs on…", "正在试验它的名次取决于什么…"),
    "stage_retrieve": ("Looking through the catalogue…", "正在浏览目录…"),
    "stage_rerank": ("Comparing the best ones, pictures included…", "正在比较最合适的，包括图片…"),
    "stage_reasons": ("Writing down why…", "正在写下理由…"),
    "fault": (
        "Something broke on our side. The conversation is kept; please try again. (The server's log has the details.)",
        "我们这边出错了。对话已保留，请再试一次。（详情见服务器日志。）",
    ),
    "not_a_picture": ("Your file cannot be used as a picture: {problem}", "你的文件不能用作图片：{problem}"),
    "now_you_are": (
        "You are {user} now: the conversation starts anew, and what was said above no longer counts.",
        "你现在是 {user}：对话重新开始，上面说过的不再算数。",
    ),
    "started_anew": (
        "The server no longer knows what was said above. The conversation starts anew here.",
        "服务器已不记得上面的内容。对话从这里重新开始。",
    ),
    "list_gone": (
        "The server was started anew and no longer knows this list. Please ask again.",
        "服务器已重新启动，不再认识这份清单。请重新提问。",
    ),
    "took": ("Answered in {seconds} s: {stages}", "用时 {seconds} 秒：{stages}"),
    "took_retrieve": ("retrieve {ms} ms", "检索 {ms} 毫秒"),
    "took_rerank": ("rerank {ms} ms", "排序 {ms} 毫秒"),
    "took_reasons": ("reasons {ms} ms", "理由 {ms} 毫秒"),
    "took_log": ("log {ms} ms", "记录 {ms} 毫秒"),
    "by_model": ("{written} of {count} reasons by the model", "{count} 条理由中 {written} 条由模型写成"),
    "nothing_items": (NO_ITEMS, "还没有可选的东西。请用 tastemaker index 添加目录。"),
    "nothing_filtered": (FILTERED, "没有符合的：筛选条件没有放行任何此用户未接触过的物品。请放宽，或去掉筛选。"),
    "nothing_left": (ALL_HAD, "没有新的了：此用户已接触过所有物品。请添加物品，或换一个身份提问。"),
    "then_start": ("{problem} Then start this page again.", "{problem}然后重新启动此页面。"),
    # the sheets
    "chats": ("Earlier chats", "以前的对话"),
    "chats_short": ("Chats", "对话"),
    "no_chats": ("There are no earlier chats in this tab.", "此标签页中还没有以前的对话。"),
    "picture_only": ("A picture", "一张图片"),
    "about_you": ("What I know about you", "我对你的了解"),
    "about_you_short": ("About you", "关于你"),
    "one_moment": ("One moment…", "请稍候…"),
    "known_likes": ("You like", "你喜欢"),
    "known_dislikes": ("Not for you", "不适合你"),
    "known_said": ("You told me", "你告诉过我"),
    "known_wanted": ("From what you did before", "来自你以前的行为"),
    "known_nothing": (
        "I know nothing about you yet. What you like and what you tell me will stand here.",
        "我还不了解你。你喜欢的和你告诉我的会显示在这里。",
    ),
    "take_back": ("Take back", "收回"),
    "forget": ("Forget me", "忘记我"),
    "forget_sure": (
        "Erase everything that is kept about you? It cannot be undone.",
        "要删除保存的关于你的一切吗？此操作无法撤销。",
    ),
    "forget_yes": ("Yes, erase it", "是，删除"),
    "forget_no": ("No", "不"),
    "forgotten": ("You are forgotten: {told}.", "已忘记你：{told}。"),
    # the filter sheet
    "filters": ("Filters", "筛选条件"),
    "filters_on": ("Filters · {count}", "筛选条件 · {count}"),
    "filters_title": ("Pick what to filter by", "选择筛选条件"),
    "filters_from": ("From", "从"),
    "filters_to": ("To", "到"),
    "filters_above": ("Above", "大于"),
    "filters_below": ("Below", "小于"),
    "filters_span": ("{least} to {greatest}", "{least} 至 {greatest}"),
    "filters_all": ("Show all {count}", "显示全部 {count} 个"),
    "filters_search": ("Search {name}", "搜索 {name}"),
    "filters_no_match": ("There is nothing of that name.", "没有这样的值。"),
    "filters_rarer": (
        "{count} rarer ones are not listed. Type one into the filter instead.",
        "另有 {count} 个较少见的未列出，可在筛选框中输入。",
    ),
    "filters_through": ("{count} of {total} fit", "符合：{count} / {total}"),
    "filters_clear": ("Clear all", "全部清除"),
    "filters_done": ("Done", "完成"),
    "filters_none": ("The catalogue has nothing to filter by.", "目录中没有可供筛选的属性。"),
    "filters_unshown": (
        "The filter that you typed holds, but it says more than can be picked here. Clear it to pick instead.",
        "你输入的筛选条件有效，但无法在此显示。清除后即可在这里选择。",
    ),
    # what stands
    "standing": ("What you asked for", "你的要求"),
    "take_out": ("Leave out: {label}", "去掉：{label}"),
    "undo": ("Undo", "撤销"),
    "undo_long": ("Undo the last step", "撤销上一步"),
    "said_without": ("Without “{label}”", "去掉“{label}”"),
    "offers": ("You could", "你可以"),
    "said_similar": ("More like “{title}”", "更多类似“{title}”的"),
    "said_why": ("Why “{title}”?", "为什么是“{title}”？"),
    "said_compare": ("Compare “{one}” with “{other}”", "比较“{one}”和“{other}”"),
    "attribute": ("Attribute", "属性"),
    "not_told": ("not told", "未注明"),
    # a card
    "show_large": ("Show the picture of {title} large", "放大 {title} 的图片"),
    "like": ("Like", "喜欢"),
    "dislike": ("Not for me", "不适合我"),
    "of_card": ("{action}: {title}", "{action}：{title}"),
    "saving": ("Saving…", "正在保存…"),
    "saved_like": ("Saved to your likes", "已存入你的喜欢"),
    "saved_dislike": ("Saved: not for you", "已记下：不适合你"),
    "not_saved": ("Not saved. {problem}", "未保存。{problem}"),
    "no_answer": ("The server did not answer. Please try again.", "服务器没有回应。请再试一次。"),
    "change_same": ("Press again to take it back.", "再按一次即可收回。"),
    "change_like_dislike": ("Replaces your like: the latest choice counts.", "会取代你的喜欢：以最后的选择为准。"),
    "change_dislike_like": (
        "Replaces your Not for me: the latest choice counts.",
        "会取代你的“不适合我”：以最后的选择为准。",
    ),
    "taken_back": ("Taken back", "已收回"),
    "similar": ("More like this", "更多类似的"),
    "compare": ("Compare", "比较"),
    "compare_pick": ("Press Compare on another one.", "再在另一件上按“比较”。"),
    "why": ("Why?", "为什么？"),
    "writing": ("Writing down why…", "正在写下理由…"),
    "yours": ("Yours: {text}", "你的：{text}"),
    "written_model": ("Written by the model", "由模型写成"),
    "written_model_why": (
        "The language model wrote this reason; what it names was checked against the catalogue.",
        "这条理由由语言模型写成；其中提到的内容已与目录核对。",
    ),
    "written_evidence": ("Plain evidence", "直接依据"),
    "written_evidence_why": (
        "This reason is the evidence itself, put into words without the language model.",
        "这条理由就是依据本身，未经语言模型。",
    ),
    "evidence": ("Evidence", "依据"),
    "found_by": ("Found by {sources}", "来源：{sources}"),
    "found_co-occurrence": ("people who chose what you chose", "与你选择相同的人"),
    "found_history": ("your history", "你的历史"),
    "found_lexical": ("your exact words", "你的原话"),
    "found_newest": ("what is new", "新品"),
    "found_popular": ("popularity", "热门"),
    "found_semantic": ("your words", "你的描述"),
    "found_visual": ("the picture", "图片"),
}

_ALL = TEXTS | OWNER_TEXTS
_KEYS = {english: key for key, (english, _) in TEXTS.items()}


def words(key: str, **arguments: Text) -> dict[str, Any]:
    """What a page says under the key. Raises KeyError for one that there is not."""
    if key not in _ALL:
        raise KeyError(key)
    return {"key": key, "args": arguments} if arguments else {"key": key}


def known(sentence: str) -> Text:
    """The sentence in every language where `TEXTS` has it, else the sentence."""
    return words(_KEYS[sentence]) if sentence in _KEYS else sentence


def spoken(text: Text, language: str = "en") -> str:
    """How a page says it. language: en or zh."""
    if isinstance(text, str):
        return text
    if not isinstance(text, Mapping):
        return spoken(words("comma"), language).join(spoken(part, language) for part in text)
    arguments = {name: spoken(value, language) for name, value in text.get("args", {}).items()}
    return _ALL[text["key"]][1 if language == "zh" else 0].format(**arguments)


def sayer(accepted: str) -> Say:
    """Says texts in the language of a browser, for what the server writes itself.

    accepted: the browser's header accept-language.
    """
    language = "zh" if accepted.strip().lower().startswith("zh") else "en"
    return lambda key, **arguments: spoken(words(key, **arguments), language)


def dictionaries(*keys: str) -> dict[str, dict[str, str]]:
    """The texts by language, then key, for the scripts of the chat page: those under the keys, or all of that page."""
    kept = {key: _ALL[key] for key in keys or TEXTS}
    return {"en": {key: both[0] for key, both in kept.items()}, "zh": {key: both[1] for key, both in kept.items()}}


def gradio_texts() -> gr.I18n:
    """The same texts for Gradio's own parts, under the names that browsers have for the languages."""
    import gradio as gr

    both = dictionaries(*_ALL)
    return gr.I18n(**{"en": both["en"], "zh-CN": both["zh"], "zh-TW": both["zh"]})
