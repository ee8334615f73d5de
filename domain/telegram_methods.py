"""The methods of Telegram's Bot API that a bot may call through our relay.

Left out on purpose: `setWebhook` (messages would go elsewhere), `logOut` and `close` (the
account), everything that spends stars or money (gifts, invoices, subscriptions, refunds),
business accounts and managed bots (they give out tokens), and what changes who the bot is
for everybody (its name, descriptions and default rights).
Source: core.telegram.org/bots/api.
"""

from __future__ import annotations

_NAMES = """
    getMe getUpdates deleteWebhook getWebhookInfo
    sendMessage forwardMessage forwardMessages copyMessage copyMessages sendMessageDraft
    sendPhoto sendAudio sendDocument sendVideo sendAnimation sendVoice sendVideoNote
    sendMediaGroup sendLocation sendVenue sendContact sendPoll sendChecklist sendDice
    sendSticker sendChatAction setMessageReaction
    getUserProfilePhotos setUserEmojiStatus getFile
    editMessageText editMessageCaption editMessageMedia editMessageLiveLocation
    stopMessageLiveLocation editMessageChecklist editMessageReplyMarkup stopPoll
    deleteMessage deleteMessages pinChatMessage unpinChatMessage unpinAllChatMessages
    answerCallbackQuery answerInlineQuery answerWebAppQuery savePreparedInlineMessage
    getChat getChatAdministrators getChatMemberCount getChatMember leaveChat
    banChatMember unbanChatMember restrictChatMember promoteChatMember
    setChatAdministratorCustomTitle banChatSenderChat unbanChatSenderChat
    setChatPermissions exportChatInviteLink createChatInviteLink editChatInviteLink
    revokeChatInviteLink approveChatJoinRequest declineChatJoinRequest
    setChatPhoto deleteChatPhoto setChatTitle setChatDescription
    setChatStickerSet deleteChatStickerSet getUserChatBoosts
    getForumTopicIconStickers createForumTopic editForumTopic closeForumTopic
    reopenForumTopic deleteForumTopic unpinAllForumTopicMessages editGeneralForumTopic
    closeGeneralForumTopic reopenGeneralForumTopic hideGeneralForumTopic
    unhideGeneralForumTopic unpinAllGeneralForumTopicMessages
    setMyCommands deleteMyCommands getMyCommands getMyName getMyDescription
    getMyShortDescription setChatMenuButton getChatMenuButton
    getMyDefaultAdministratorRights
    getStickerSet getCustomEmojiStickers
"""

TELEGRAM_METHODS = tuple(_NAMES.split())
