//! What a store of personal data asks a policy before it writes or reads.

use wzapi_model::name::{DataCategory, PurposeId};

use crate::file::{Category, Filing, ForbiddenPattern, WebhookContent};
use crate::policy::Policy;

impl Policy {
    /// What the policy says about a category; `None` when it does not declare it, so that nothing may be stored there.
    ///
    /// ```
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let billing = policy.category(&"billing_information".parse()?).ok_or("not declared")?;
    /// assert!(billing.keep_history);
    /// assert_eq!(billing.retention.len(), 3);
    ///
    /// let address = policy.category(&"ip_address".parse()?).ok_or("not declared")?;
    /// let rule = address.ip_truncation.ok_or("not cut")?;
    /// assert_eq!(rule.truncate_text("203.0.113.77")?, "203.0.113.0");
    ///
    /// assert!(policy.category(&"fingerprint".parse()?).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn category(&self, name: &DataCategory) -> Option<&Category> {
        self.categories.get(name)
    }

    /// The purposes that use a category, in the order of their names; none for one that is not declared.
    ///
    /// ```
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let category = "payment_details".parse()?;
    /// let purposes: Vec<&str> = policy.purposes_of(&category).map(|purpose| purpose.as_str()).collect();
    /// assert_eq!(purposes, ["billing"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn purposes_of<'a>(&'a self, category: &'a DataCategory) -> impl Iterator<Item = &'a PurposeId> {
        self.purposes
            .iter()
            .filter(move |(_, purpose)| purpose.categories.contains(category))
            .map(|(name, _)| name)
    }

    /// Whether a category may be stored and read for a purpose (policy clause 3.a): both are declared, and the purpose
    /// lists the category.
    ///
    /// ```
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// assert!(policy.permits(&"billing".parse()?, &"payment_details".parse()?));
    /// assert!(!policy.permits(&"marketing".parse()?, &"payment_details".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn permits(&self, purpose: &PurposeId, category: &DataCategory) -> bool {
        self.categories.contains_key(category)
            && self.purposes.get(purpose).is_some_and(|declared| declared.categories.contains(category))
    }

    /// The first of the patterns which a category forbids that is in `value` (policy clause 2.a); a store refuses such a
    /// value. `None` for a category that is not declared, where nothing may be stored anyway.
    ///
    /// Takes time in proportion to the value and to the patterns of the category.
    ///
    /// ```
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let category = "payment_details".parse()?;
    /// let found = policy.forbidden_in(&category, "4111 1111 1111 1111");
    /// assert_eq!(found.map(|pattern| pattern.as_str()), Some("card_number"));
    /// assert_eq!(policy.forbidden_in(&category, "ends in 1111"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn forbidden_in(&self, category: &DataCategory, value: &str) -> Option<&ForbiddenPattern> {
        self.categories.get(category)?.forbidden.iter().find(|pattern| self.finds(pattern, value))
    }

    /// Whether one pattern is in `value`, whatever category forbids it. A name that the policy does not declare could
    /// mean anything, so it is in every value.
    ///
    /// ```
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// assert!(policy.finds(&"card_number".parse()?, "4111 1111 1111 1111"));
    /// assert!(!policy.finds(&"card_number".parse()?, "ends in 1111"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn finds(&self, pattern: &ForbiddenPattern, value: &str) -> bool {
        match pattern {
            ForbiddenPattern::BuiltIn(pattern) => pattern.is_in(value),
            ForbiddenPattern::Named(name) => self.recognisers.find(name, value),
        }
    }

    /// Where a kind of webhook content is stored, and for what; `None` when it is dropped.
    ///
    /// ```
    /// use wzapi_policy::file::WebhookContent;
    ///
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let filing = policy.filing_of(WebhookContent::MessageContent).ok_or("dropped")?;
    /// assert_eq!(filing.category.as_str(), "end_user_messages");
    /// assert!(filing.purposes.iter().all(|purpose| policy.permits(purpose, &filing.category)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filing_of(&self, content: WebhookContent) -> Option<&Filing> {
        self.webhooks.get(&content)
    }
}
